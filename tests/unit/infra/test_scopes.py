import pytest

from tests.unit.infra.templates import scope_of, variable
from tools.infra.deployment import deployed
from tools.infra.scopes import Runtime, leaves, value_of


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1", 1),
        ("true", True),
        ("null", None),
        ("[1, 'a']", [1, "a"]),
        ("{ a: 1, 'b-c': other }", {"a": 1, "b-c": "x"}),
        ("'${other}-${4}'", "x-4"),
        ("string(count)", "8"),
        ("string(count / 4)", "2"),
        ("string(true)", "True"),
        ("map.key", "value"),
        ("map['key']", "value"),
        ("list[1]", "b"),
        ("union(list, ['c'])", ["a", "b", "c"]),
        ("[for each in list: '${each}!']", ["a!", "b!"]),
        ("[for (each, index) in list: index]", [0, 1]),
        ("toLower(other)", "{toLower(other)}"),
        ("'${other}${uniqueString(other)}'", "x{uniqueString(other)}"),
        ("list[7]", "{list[7]}"),
        ("map.nothing", "{map.nothing}"),
    ],
)
def test_values(written: str, value: object) -> None:
    """What can be computed is; what only Azure knows stands for itself in braces."""
    scope = scope_of(
        f"param count int = 8\nvar other = 'x'\nvar map = {{\n  key: 'value'\n}}\n"
        f"var list = [\n  'a'\n  'b'\n]\nvar written = {written}\n"
    )

    assert value_of(scope.bind(variable(scope, "written").value)) == value


def test_runtime() -> None:
    """A text with a part that only Azure knows is marked as such, another isn't."""
    scope = scope_of("var known = 'a'\nvar unknown = 'a${newGuid()}'\n")

    known, unknown = (value_of(scope.bind(variable(scope, name).value)) for name in ("known", "unknown"))

    assert not isinstance(known, Runtime)
    assert isinstance(unknown, Runtime)


def test_leaves() -> None:
    """An expression can be both sides of every choice that it leads to."""
    scope = scope_of("param yes bool\nvar other = yes ? 'b' : 'c'\nvar written = yes ? 'a' : (other ?? 'd')\n")

    assert [value_of(each) for each in leaves(scope.bind(variable(scope, "written").value))] == ["a", "b", "c", "d"]


def test_deployed() -> None:
    """Modules, loops and resources in resources are followed: one entry for each, with the names above it."""
    scope = scope_of(
        """
var names = ['a', 'b']
module one 'one.bicep' = {
  name: 'one'
  params: {
    name: 'first'
    queues: names
  }
}
module two 'one.bicep' = [for each in names: {
  name: each
  params: {
    name: one.outputs.name
  }
}]
""",
        one="""
param name string
param queues array = []
resource account 'A/b@1' = {
  name: name
  resource service 'c' = {
    name: 'default'
    resource all 'd' = [for queue in queues: {
      name: queue
    }]
  }
}
output name string = account.name
""",
    )

    assert [(each.type, each.name) for each in deployed(scope)] == [
        ("A/b", "first"),
        ("A/b/c", "first/default"),
        ("A/b/c/d", "first/default/a"),
        ("A/b/c/d", "first/default/b"),
        ("A/b", "first"),
        ("A/b/c", "first/default"),
        ("A/b", "first"),
        ("A/b/c", "first/default"),
    ]


def test_parents() -> None:
    """A resource that names its parent has the parent's name before its own."""
    scope = scope_of(
        "resource a 'A/b@1' = {\n  name: 'a'\n}\n"
        "resource c 'A/b/c@1' = {\n  parent: a\n  name: 'c'\n}\n"
        "resource d 'A/b/c/d@1' = {\n  parent: c\n  name: 'd'\n}\n"
    )

    assert [each.name for each in deployed(scope)] == ["a", "a/c", "a/c/d"]
