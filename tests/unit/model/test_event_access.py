"""Who may send events, as datasets.toml says it."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from shared.model.datasets import load_datasets
from shared.model.errors import DatasetsInvalidError
from shared.model.event_access import region_of
from tests.unit.intake.gate import APP, ENTRA, OBJECT, TENANT, access

_ARN = "arn:aws:sns:us-west-2:123456789012:MyTopic"
_FILE = """
[datasets.s2]
catalog = { kind = "manifest", url = "https://data.example.org/list.csv" }
destination = { container = "assets" }
allow = { hosts = ["*.example.org"] }
events = { accepts = ["list"], auth = { %s } }
"""


def test_secrets() -> None:
    """The app settings of the secrets are told by the fields that name them; who needs none has none."""
    hmac = access(kind="hmac", secret_setting="SOURCE_A", next_secret_setting="SOURCE_B")
    one = access(kind="hmac", secret_setting="SOURCE_A")

    assert hmac.secrets == {"secret_setting": "SOURCE_A", "next_secret_setting": "SOURCE_B"}
    assert one.secrets == {"secret_setting": "SOURCE_A"}
    assert [access(**each).secrets for each in (ENTRA, {"kind": "sns", "topics": [_ARN]})] == [{}, {}]


def test_secrets_of_a_file(tmp_path: Path) -> None:
    """A file's secrets are those of its events, too, so that a missing one is told when the app is opened."""
    path = tmp_path / "datasets.toml"
    path.write_text(_FILE % 'kind = "hmac", secret_setting = "SOURCE_A"', encoding="utf-8")

    assert load_datasets(path).secrets == {"datasets.s2.events.auth.secret_setting": "SOURCE_A"}


def test_a_secret_in_the_wrong_place(tmp_path: Path) -> None:
    """A secret that stands where its setting's name should is refused, and not quoted."""
    path = tmp_path / "datasets.toml"
    path.write_text(_FILE % 'kind = "hmac", secret_setting = "hunter2hunter2"', encoding="utf-8")

    with pytest.raises(DatasetsInvalidError, match=r"events\.auth\.hmac\.secret_setting.*SOURCE_TOKEN") as raised:
        load_datasets(path)

    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, "kind"),
        ({"kind": "none"}, "'hmac', 'entra', 'sns', 'key'"),
        ({"kind": "hmac"}, "secret_setting"),
        ({"kind": "hmac", "secret_setting": "STORAGE_KEY"}, "SOURCE_TOKEN"),
        ({"kind": "hmac", "secret_setting": "SOURCE_A", "topics": ["a"]}, "topics"),
        ({"kind": "entra", "tenant": TENANT}, "state apps or objects"),
        ({"kind": "entra", "apps": [APP]}, "tenant"),
        ({"kind": "entra", "tenant": "contoso.com", "apps": [APP]}, "tenant"),
        ({"kind": "entra", "tenant": TENANT, "apps": ["Event Grid"]}, "apps"),
        ({**ENTRA, "origins": ["*"]}, "origins"),
        ({**ENTRA, "origins": ["https://example.org"]}, "origins"),
        ({**ENTRA, "topics": [""]}, "topics"),
        ({"kind": "key"}, "topics"),
        ({"kind": "key", "topics": []}, "topics"),
        ({"kind": "sns"}, "topics"),
        ({"kind": "sns", "topics": []}, "topics"),
        ({"kind": "sns", "topics": ["MyTopic"]}, "MyTopic, in full"),
        ({"kind": "sns", "topics": [f"{_ARN}*"]}, "in full"),
        ({"kind": "sns", "topics": [_ARN.replace("sns", "sqs")]}, "in full"),
        ({"kind": "sns", "topics": [_ARN.replace("us-west-2", "evil.example.org/")]}, "in full"),
        ({"kind": "sns", "topics": [_ARN], "per_minute": 0}, "per_minute"),
    ],
)
def test_what_is_refused(values: Any, reason: str) -> None:
    """An error names the field, or what could stand there."""
    with pytest.raises(ValidationError, match=reason):
        access(**values)


def test_ids() -> None:
    """Ids may be written in any case, of apps, of objects or of both."""
    found = access(**{**ENTRA, "apps": [APP.upper()], "objects": [OBJECT]})

    assert ([*map(str, found.apps)], [*map(str, found.objects)]) == ([APP], [OBJECT])


@pytest.mark.parametrize(
    ("topic", "found"),
    [
        (_ARN, ("aws", "us-west-2")),
        ("arn:aws-cn:sns:cn-northwest-1:123456789012:a_b", ("aws-cn", "cn-northwest-1")),
        ("arn:aws-us-gov:sns:us-gov-west-1:123456789012:a-b", ("aws-us-gov", "us-gov-west-1")),
    ],
)
def test_regions(topic: str, found: tuple[str, str]) -> None:
    """A topic's ARN says where it lives."""
    assert region_of(topic) == found
