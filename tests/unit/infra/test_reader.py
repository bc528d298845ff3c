from pathlib import Path

import pytest

from tools.infra.reader import read_template
from tools.infra.syntax import Items, Loop, Module, Output, Parameter, Resource, SyntaxInvalidError, Text, Variable

_MAIN = Path("main.bicep")


def test_declarations() -> None:
    """Declarations come in their order, with decorators, type, default and place."""
    source = b"@minValue(1)\nparam count int = 3\nvar name = 'x'\noutput out string = name\n"

    template = read_template(_MAIN, source)

    assert [(type(each), each.name, each.line) for each in template.declarations] == [
        (Parameter, "count", 2),
        (Variable, "name", 3),
        (Output, "out", 4),
    ]
    count = template.of(Parameter)["count"]
    assert count.type == "int"
    assert list(count.decorators) == ["minValue"]
    assert source[count.start : count.end] == b"param count int = 3"


def test_resource() -> None:
    """A resource has type, version, loop, condition, and the resources that stand in it."""
    source = b"""
resource outer 'A.B/c@2020-01-01' = [for (item, index) in items: if (index > 1) {
  name: item
  resource inner 'd' existing = {
    name: 'e'
  }
}]
"""

    outer = read_template(_MAIN, source).of(Resource)["outer"]

    assert (outer.type, outer.version, outer.existing) == ("A.B/c", "2020-01-01", False)
    assert outer.loop is not None
    assert outer.loop.variables == ("item", "index")
    assert outer.loop.condition is not None
    assert [(each.name, each.type, each.version, each.existing) for each in outer.body.resources] == [
        ("inner", "d", None, True)
    ]


def test_module() -> None:
    """A module has a path, a condition and a body."""
    module = read_template(_MAIN, b"module m 'm.bicep' = if (yes) {\n  name: 'm'\n}\n").of(Module)["m"]

    assert module.path == "m.bicep"
    assert module.condition is not None
    assert module.loop is None


@pytest.mark.parametrize(
    ("written", "read"),
    [("'it\\'s'", "it's"), ("'a\\n\\\\\\${b}'", "a\n\\${b}"), ("'\\u{41}'", "A"), ("''", ""), ("'a${b}'", None)],
)
def test_strings(written: str, read: str | None) -> None:
    """A string is what its escapes stand for; one with an expression in it has no text of its own."""
    value = read_template(_MAIN, f"var x = {written}".encode()).of(Variable)["x"].value

    assert isinstance(value, Text)
    assert value.plain == read


def test_silenced() -> None:
    """What a comment turns off belongs to the property below it, and to no other."""
    source = b"resource r 'a' = {\n  #disable-next-line BCP037\n  a: 1\n  b: 2\n}\n"

    properties = read_template(_MAIN, source).of(Resource)["r"].body.properties

    assert [(each.name, each.silenced) for each in properties] == [("a", {"BCP037"}), ("b", set())]


@pytest.mark.parametrize("source", ["param x\nvar", "var x = {", "resource r 'a' = {\n  b: 'c\n}", "var x = [...y]"])
def test_not_bicep(source: str) -> None:
    """What the grammar doesn't know is refused, with its line."""
    with pytest.raises(SyntaxInvalidError, match=r"line \d"):
        read_template(_MAIN, source.encode())


def test_parameters_file() -> None:
    """Values of a .bicepparam file are read as variables, where they stand."""
    source = b"using './main.bicep'\n\nparam names = [\n  'a'\n]\nparam many = [for n in range(0, 2): n]\n"

    values = read_template(Path("main.bicepparam"), source).of(Variable)

    assert isinstance(values["names"].value, Items)
    assert isinstance(values["many"].value, Loop)
    assert values["many"].line == 6
