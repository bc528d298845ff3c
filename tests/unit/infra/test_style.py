from pathlib import Path

import pytest

from tools.infra.reader import read_template
from tools.infra.style import check_style


@pytest.mark.parametrize(
    ("template", "rule"),
    [
        ("@description('Required. A.')\n@minLength(1)\n@maxLength(2)\nparam a string", None),
        ("@description('Optional. A.')\n@maxLength(2)\nparam a string = ''", None),
        ("@description('Conditional. A.')\n@minValue(1)\n@maxValue(2)\nparam a int = 1", None),
        ("@description('Required. A.')\n@allowed(['b'])\nparam a string", None),
        ("@description('Optional. A.')\nparam a bool = true", None),
        ("@description('Optional. A.')\nparam a object = {}", None),
        ("@maxLength(2)\nparam a string = ''", "description"),
        ("@description('Required. A.')\n@maxLength(2)\nparam a string = ''", "description"),
        ("@description('Required. A.')\n@maxLength(2)\nparam a string", "bounds"),
        ("@description('Optional. A.')\nparam a string[] = []", "bounds"),
        ("@description('Optional. A.')\n@minValue(1)\nparam a int = 1", "bounds"),
        ("var a_b = 1", "name"),
        ("var A = 1", "name"),
        ("@description('A.')\noutput A_B int = 1", None),
        ("output a int = 1", "description"),
        ("module m 'ts:spec:1' = {\n  name: 'm'\n}", "registry"),
        ("resource r 'a/b@1' = {\n  name: 'a/b'\n}", "parent"),
        ("resource r 'a/b@1' = {\n  name: '${m}/b'\n}", "parent"),
        ("resource r 'a/b@1' = {\n  parent: m\n  name: 'b'\n}", None),
    ],
)
def test_style(template: str, rule: str | None) -> None:
    """Parameters are described and bounded, names are in camelCase, parents are named."""
    findings = check_style(read_template(Path("main.bicep"), template.encode()))

    assert [each.rule for each in findings] == ([f"style: {rule}"] if rule else [])
