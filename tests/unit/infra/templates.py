"""Small templates for the checks, and what they find in them."""

from pathlib import Path

from tools.infra.checks import Sources, check
from tools.infra.findings import Finding
from tools.infra.reader import read_template
from tools.infra.scopes import Scope
from tools.infra.syntax import Parameter, Variable

MAIN = Path("infra/main.bicep")
MODULE = Path("infra/module.bicep")
VALUES = Path("infra/main.bicepparam")

ACCOUNT = """\
param location string = resourceGroup().location
param redundancy string = 'Standard_LRS'

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: 'account'
  location: location
  kind: 'StorageV2'
  sku: {
    name: redundancy
  }
  tags: {
    anything: 'goes'
  }
  properties: {
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }
}

output blobs string = account.properties.primaryEndpoints.blob
"""


def found(main: str, *, module: str | None = None, values: str | None = None) -> list[Finding]:
    """What is wrong with a template, with the module and values beside it."""
    texts = {MAIN: main, MODULE: module, VALUES: values}
    files = {path: text.encode() for path, text in texts.items() if text is not None}
    return check(Sources(main=MAIN, files=files), None)


def rules_broken(main: str, *, module: str | None = None, values: str | None = None) -> list[str]:
    """The rules that a template breaks, in its order."""
    return [each.rule for each in found(main, module=module, values=values)]


def scope_of(main: str, **modules: str) -> Scope:
    """A template's scope, its parameters being their defaults; other files are named without their ending."""
    files = {Path(f"infra/{name}.bicep"): text.encode() for name, text in modules.items()}
    scope = Scope(template=read_template(MAIN, main.encode()), read_file=files.__getitem__)
    defaults = scope.template.of(Parameter).values()
    return scope.with_variables({each.name: scope.bind(each.default) for each in defaults if each.default is not None})


def variable(scope: Scope, name: str) -> Variable:
    """A variable of a template."""
    return scope.template.of(Variable)[name]
