import pytest

from tests.unit.infra.templates import ACCOUNT, rules_broken

_SITE = """
resource site 'Microsoft.Web/sites@2025-03-01' = {
  name: 'site'
  location: 'westeurope'
  properties: {
    httpsOnly: true
    siteConfig: {
      ftpsState: 'Disabled'
      minTlsVersion: '1.2'
    }
  }
}
resource settings 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: site
  name: 'appsettings'
  properties: union({ A: 'b' }, site.name == '' ? { C: 'd' } : {})
}
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("allowSharedKeyAccess: false", "allowSharedKeyAccess: true"),
        ("    allowBlobPublicAccess: false\n", ""),
        ("'TLS1_2'", "'TLS1_0'"),
        ("'TLS1_2'", "location == 'x' ? 'TLS1_2' : 'TLS1_1'"),
    ],
)
def test_hardening(old: str, new: str) -> None:
    """What hardens an account is written, and has no way to be something weaker."""
    assert rules_broken(ACCOUNT.replace(old, new, 1)) == ["policy: hardening"]


def test_version() -> None:
    """The API version is the pinned one."""
    assert rules_broken(ACCOUNT.replace("2025-06-01", "2023-01-01")) == ["policy: API version"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("A: 'b'", "WEBSITE_RUN_FROM_PACKAGE: '1'"),
        ("A: 'b'", "FUNCTIONS_WORKER_RUNTIME: 'python'"),
        ("A: 'b'", "AzureWebJobsStorage: ''"),
        ("C: 'd'", "website_time_zone: 'x'"),
        ("ftpsState", "linuxFxVersion: 'Python|3.13'\n      ftpsState"),
    ],
)
def test_flex(old: str, new: str) -> None:
    """A setting that Flex Consumption refuses is found in whatever the settings are put together from."""
    assert rules_broken(_SITE) == []
    assert rules_broken(_SITE.replace(old, new, 1)) == ["policy: Flex Consumption"]


@pytest.mark.parametrize(
    ("queues", "count"),
    [("'a', 'a-poison'", 0), ("'a'", 1), ("'a-poison'", 1), ("'a', 'b-poison', 'c', 'c-poison'", 2)],
)
def test_poison(queues: str, count: int) -> None:
    """Each queue has its poison queue, and each poison queue its queue."""
    template = f"""{ACCOUNT}
resource service 'Microsoft.Storage/storageAccounts/queueServices@2025-06-01' = {{
  parent: account
  name: 'default'
}}
resource queues 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' = [for queue in [{queues}]: {{
  parent: service
  name: queue
}}]
"""

    assert rules_broken(template) == ["policy: poison"] * count


@pytest.mark.parametrize(
    ("roles", "count"),
    [
        ("'Storage Queue Data Reader': '19e7f393-937e-4f77-808e-94535e297925'", 0),
        ("storageQueueDataReader: '19e7f393-937e-4f77-808e-94535e297925'", 0),
        ("'Storage Queue Data Reader': '974c5e8b-45b9-4653-ba55-5f855dd0fb88'", 1),
        ("'Storage Queue Data Reader': 'no id'", 1),
        ("Contributor: 'b24988ac-6180-42a0-ab88-20f7382dd24c'", 2),
    ],
)
def test_role_ids(roles: str, count: int) -> None:
    """A role's id is the one of its name; one that isn't in rules.toml is refused."""
    assert rules_broken(f"var roles = {{\n  {roles}\n}}\noutput o object = roles\n") == ["policy: role id"] * count


@pytest.mark.parametrize(
    "output",
    [
        "account.listKeys().keys[0].value",
        "'key ${listKeys(account.id, '2025-06-01').keys[0].value}'",
        "secret",
    ],
)
def test_secrets(output: str) -> None:
    """Outputs tell no secret: anyone who may read a deployment reads them."""
    template = f"@secure()\nparam secret string = newGuid()\n{ACCOUNT}output a string = {output}\n"
    broken = rules_broken(template)

    assert "policy: secret output" in broken


@pytest.mark.parametrize(("services", "broken"), [("'blob', 'queue', 'table'", 0), ("'blob', 'queue'", 1)])
def test_private_endpoints(services: str, broken: int) -> None:
    """An account with a private endpoint has one for each of its services."""
    template = f"""
resource endpoints 'Microsoft.Network/privateEndpoints@2025-05-01' = [for service in [{services}]: {{
  name: service
  properties: {{
    privateLinkServiceConnections: [
      {{
        name: service
        properties: {{
          privateLinkServiceId: 'id'
          groupIds: [
            service
          ]
        }}
      }}
    ]
  }}
}}]
"""

    assert rules_broken(template) == ["policy: private endpoints"] * broken
