"""A Bicep file as a small typed tree: what the checks look at."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast


class SyntaxInvalidError(Exception):
    """A file isn't Bicep."""

    def __init__(self, *, line: int, found: str) -> None:
        super().__init__(f"line {line}: not understood: {found!r}")
        self.line = line


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Anything that has a place: bytes ``start`` to ``end``, on ``line``."""

    start: int
    end: int
    line: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Literal(Node):
    """A number, true, false or null."""

    value: int | bool | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Text(Node):
    """A string: pieces of text, and expressions between them."""

    parts: "tuple[str | Expression, ...]"

    @property
    def plain(self) -> str | None:
        """Its text, where there is no expression in it."""
        texts = [each for each in self.parts if isinstance(each, str)]
        return "".join(texts) if len(texts) == len(self.parts) else None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Name(Node):
    """A symbol."""

    name: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Member(Node):
    """``base.name``, or with ``nested`` a resource within a resource: ``base::name``."""

    base: "Expression"
    name: str
    nested: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Index(Node):
    """``base[index]``."""

    base: "Expression"
    index: "Expression"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Call(Node):
    """A function's call; ``base`` where it is called on something, as in ``account.listKeys()``."""

    base: "Expression | None"
    name: str
    arguments: "tuple[Expression, ...]"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Node):
    """An operator with one operand or two."""

    operator: str
    operands: "tuple[Expression, ...]"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Node):
    """``condition ? yes : no``."""

    condition: "Expression"
    yes: "Expression"
    no: "Expression"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Items(Node):
    """An array."""

    items: "tuple[Expression, ...]"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Property(Node):
    """One property of an object; ``silenced`` names what a comment above it turns off (``BCP037``)."""

    key: Text
    value: "Expression"
    silenced: frozenset[str] = frozenset()

    @property
    def name(self) -> str | None:
        """Its name, where that is written out."""
        return self.key.plain


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fields(Node):
    """An object, with the resources that are declared in it."""

    properties: tuple[Property, ...]
    resources: "tuple[Resource, ...]" = ()

    def get(self, name: str) -> "Expression | None":
        """A property's value."""
        return next((each.value for each in self.properties if each.name == name), None)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Loop(Node):
    """``[for variable in source: body]``, with the condition that may stand before the body."""

    variables: tuple[str, ...]
    source: "Expression"
    body: "Expression"
    condition: "Expression | None" = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Lambda(Node):
    """``variable => body``."""

    variables: tuple[str, ...]
    body: "Expression"


type Expression = Literal | Text | Name | Member | Index | Call | Operation | Choice | Items | Fields | Loop | Lambda


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Declaration(Node):
    """What every declaration has."""

    name: str
    #: The decorators' arguments, by name: ``{"minValue": (Literal(1),)}``.
    decorators: Mapping[str, tuple[Expression, ...]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Parameter(Declaration):
    """``param name type = default``."""

    type: str
    default: Expression | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Variable(Declaration):
    """``var name = value``."""

    value: Expression


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Output(Declaration):
    """``output name type = value``."""

    type: str
    value: Expression


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Deployable(Declaration):
    """A resource or a module: an object, or a loop of them."""

    value: Fields | Loop
    condition: Expression | None

    @property
    def body(self) -> Fields:
        """The object."""
        body = self.value.body if isinstance(self.value, Loop) else self.value
        assert isinstance(body, Fields)
        return body

    @property
    def loop(self) -> Loop | None:
        """The loop around it."""
        return self.value if isinstance(self.value, Loop) else None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Resource(Deployable):
    """``resource name 'type@version' = body``, or with ``existing`` a look at one that stands."""

    #: As it is written; within another resource only the last part, and maybe without a version.
    type: str
    version: str | None
    #: Where the version stands, for who wants to change it.
    type_text: Text
    existing: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Module(Deployable):
    """``module name 'path' = body``."""

    path: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One file; of a .bicepparam file the values are variables."""

    path: Path
    source: bytes
    declarations: tuple[Declaration, ...]
    #: Names of the file's own types and functions, and of what it imports.
    others: frozenset[str]
    #: Everything that is written in it, each from the outside in; decorators aside.
    expressions: tuple[Expression, ...]

    def of[D: Declaration](self, kind: type[D]) -> dict[str, D]:
        """The declarations of one kind, by name; of resources those that are not declared in others."""
        return {each.name: each for each in self.declarations if isinstance(each, kind)}


def walk(node: Node) -> Iterator[Expression]:
    """Every expression in a declaration or expression, from the outside in."""
    if not isinstance(node, Declaration):
        yield cast("Expression", node)
    for each in children(node):
        yield from walk(each)


def children(node: Node) -> Iterator[Expression]:
    """What stands directly in a declaration or expression; of a resource in an object, what stands in that."""
    for field in dataclasses.fields(node):
        value: object = getattr(node, field.name)
        for each in cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,):
            if isinstance(each, Declaration | Property):
                yield from children(each)
            elif isinstance(each, Node):
                yield cast("Expression", each)
