import pytest

from tests.unit.infra.templates import found, rules_broken


@pytest.mark.parametrize(
    ("template", "rule"),
    [
        ("output o string = nothing", "unknown name"),
        ("output o string = nothing('x')", "unknown function"),
        ("output o string = split('x', y => 'z')[0].w", None),
        ("output o array = map(range(0, 2), number => number)", None),
        ("output o array = [for each in range(0, 2): each]", None),
        ("output o array = [for each in range(0, 2): other]", "unknown name"),
        ("output o string = az.resourceGroup().id", None),
        ("param p string", "unused"),
        ("var v = 1", "unused"),
        ("var v = 1\nvar v = 2\noutput o int = v", "duplicate duplicate"),
        ("var a = '${b}'\nvar b = length(a)\nvar c = a", "cycle cycle"),
        ("param p string\noutput p string = p", None),
        ("output o object = {\n  all: [for each in range(0, 2): each]\n}", "misplaced loop"),
        ("output o array = concat([for each in range(0, 2): each])", "misplaced loop"),
        ("param p int = 'x'\noutput o int = p", "parameter's type"),
        ("@allowed([1, 2])\nparam p int = 3\noutput o int = p", "parameter's value"),
        ("@allowed([1, 2])\nparam p int = 2\noutput o int = p", None),
        ("type t = {\n  a: string\n}\nparam p t\noutput o object = p", None),
        ("func f(n string) string => 'a${n}'\noutput o string = f('x')", None),
    ],
)
def test_one_file(template: str, rule: str | None) -> None:
    """A name stands for one thing, is used, and stands where it may."""
    assert " ".join(each.removeprefix("symbols: ") for each in rules_broken(template)) == (rule or "")


_MODULE = "param a string\nparam b int = 1\nparam c string?\noutput o string = '${a}${b}${c}'\n"


@pytest.mark.parametrize(
    ("params", "output", "rule"),
    [
        ("a: 'x'", "m.outputs.o", None),
        ("a: 'x', b: 2, c: null", "m.outputs.o", None),
        ("b: 2", "m.outputs.o", "missing parameter"),
        ("a: 'x', d: 1", "m.outputs.o", "unknown parameter"),
        ("a: 1", "m.outputs.o", "parameter's type"),
        ("a: 'x', b: true ? 1 : 'y'", "m.outputs.o", "parameter's type"),
        ("a: 'x'", "m.outputs.p", "unknown output"),
        ("a: 'x'", "m.properties", "unknown output"),
        ("a: 'x'", "m.name", None),
    ],
)
def test_modules(params: str, output: str, rule: str | None) -> None:
    """A module gets the parameters that its file has, and is asked for its outputs only."""
    main = f"module m 'module.bicep' = {{\n  name: 'm'\n  params: {{ {params} }}\n}}\noutput x string = {output}\n"

    broken = rules_broken(main, module=_MODULE)

    assert broken == ([f"symbols: {rule}"] if rule else [])


def test_missing_module() -> None:
    """A module whose file is missing is one finding; one of a registry is none."""
    local = "module m 'other.bicep' = {\n  name: 'm'\n}\n"
    registry = "module m 'br/public:avm/res/web/site:0.15.1' = {\n  name: 'm'\n}\noutput o string = m.outputs.x\n"

    assert rules_broken(local) == ["symbols: unknown file"]
    assert rules_broken(registry) == []


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("'a-${other.id}'", []),
        ("'a-${other.properties.primaryEndpoints.blob}'", ["symbols: known too late"]),
        ("token", ["symbols: known too late"]),
    ],
)
def test_known_too_late(name: str, broken: list[str]) -> None:
    """The name of a resource can't come from what another one answers, not by a variable either."""
    main = (
        "resource other 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {\n  name: 'a'\n}\n"
        "var token = other.properties.primaryLocation\n"
        f"resource r 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {{\n  name: {name}\n}}\n"
        "output o string = '${token}${r.id}'\n"
    )

    assert rules_broken(main) == broken


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ("param a = 'x'", None),
        ("param a = 'x'\nparam b = 2", None),
        ("param b = 2", "missing parameter"),
        ("param a = 2", "parameter's type"),
        ("param a = 'x'\nparam d = 1", "unknown parameter"),
        ("param a = 'x'\nparam b = 9", "parameter's value"),
    ],
)
def test_values(values: str, rule: str | None) -> None:
    """A file of values gives a template's parameters what they take."""
    main = "param a string\n@allowed([1, 2])\nparam b int = 1\noutput o string = '${a}${b}'\n"

    broken = rules_broken(main, values=f"using './main.bicep'\n{values}\n")

    assert broken == ([f"symbols: {rule}"] if rule else [])


def test_place() -> None:
    """A finding says where it is, in a form that editors jump to."""
    assert [str(each) for each in found("\n\noutput o string = nothing\n")] == [
        "infra/main.bicep:3: symbols: unknown name: nothing stands for nothing"
    ]
