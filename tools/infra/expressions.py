"""Expressions, from tree-sitter's nodes into our own tree."""

from collections.abc import Callable, Iterator

import tree_sitter

from tools.infra.syntax import (
    Call,
    Choice,
    Expression,
    Fields,
    Index,
    Items,
    Lambda,
    Literal,
    Loop,
    Member,
    Name,
    Operation,
    Property,
    Resource,
    SyntaxInvalidError,
    Text,
)

_ESCAPES = {"\\'": "'", "\\\\": "\\", "\\n": "\n", "\\r": "\r", "\\t": "\t"}
_COMMENTS = ("comment", "diagnostic_comment")
_CONSTANTS = {"true": True, "false": False, "null": None}
_NAMES = ("identifier", "loop_variable", "loop_enumerator")


class Expressions:
    """Reads expressions; a resource that is declared in an object is read by ``resource``."""

    def __init__(self, resource: Callable[[tree_sitter.Node], Resource]) -> None:
        self._resource = resource
        self._readers: dict[str, Callable[[tree_sitter.Node], Expression]] = {
            "string": self.text,
            "number": lambda node: Literal(**place(node), value=int(source(node))),
            "boolean": lambda node: Literal(**place(node), value=_CONSTANTS[source(node)]),
            "null": lambda node: Literal(**place(node), value=None),
            "member_expression": self._member,
            "resource_expression": self._member,
            "subscript_expression": self._index,
            "call_expression": self._call,
            "unary_expression": self._operation,
            "binary_expression": self._operation,
            "ternary_expression": self._choice,
            "array": lambda node: Items(**place(node), items=tuple(self.read(each) for each in inner(node))),
            "object": self.fields,
            "for_statement": self.loop,
            "lambda_expression": self._lambda,
            # As an object's value, the grammar takes some symbols and brackets for types.
            **dict.fromkeys(("identifier", "primitive_type", "property_identifier", "loop_variable"), _name),
            **dict.fromkeys(("parenthesized_expression", "parenthesized_type", "type"), self._inside),
        }

    def read(self, node: tree_sitter.Node) -> Expression:
        """Any expression; raises SyntaxInvalidError for one that isn't known."""
        if reader := self._readers.get(node.type):
            return reader(node)
        raise SyntaxInvalidError(line=node.start_point.row + 1, found=source(node)[:60])

    def text(self, node: tree_sitter.Node) -> Text:
        """A string."""
        parts: list[str | Expression] = []
        quotes = len(node.children[0].text or b"")
        reached = node.start_byte + quotes
        for each in inner(node):
            # The grammar drops `\\$`, which keeps `${` from being an expression.
            dropped = "$" if each.start_byte > reached else ""
            reached = each.end_byte
            if each.type == "interpolation":
                parts.append(self.read(inner(each)[0]))
                continue
            piece = dropped + (_unescaped(source(each)) if each.type == "escape_sequence" else source(each))
            last = parts[-1] if parts else None
            parts[-1:] = [last + piece] if isinstance(last, str) else [*parts[-1:], piece]
        return Text(**place(node), parts=tuple(parts))

    def fields(self, node: tree_sitter.Node) -> Fields:
        """An object."""
        properties: list[Property] = []
        resources: list[Resource] = []
        silenced: frozenset[str] = frozenset()
        for each in node.named_children:
            if each.type == "diagnostic_comment":
                silenced = frozenset(source(each).split()[1:])
            elif each.type == "object_property":
                key, *value = inner(each)
                if key.type == "resource_declaration":
                    resources.append(self._resource(key))
                else:
                    read = self.read(value[-1])
                    properties.append(Property(**place(each), key=self._key(key), value=read, silenced=silenced))
                silenced = frozenset()
        return Fields(**place(node), properties=tuple(properties), resources=tuple(resources))

    def loop(self, node: tree_sitter.Node) -> Loop:
        """``[for ... in ...: ...]``."""
        variables, iterated, body = inner(node)
        condition = None
        if body.type == "if_statement":
            condition, body = self.read(inner(body)[0]), inner(body)[-1]
        return Loop(
            **place(node),
            variables=tuple(names(variables)),
            source=self.read(iterated),
            body=self.read(body),
            condition=condition,
        )

    def _key(self, node: tree_sitter.Node) -> Text:
        return self.text(node) if node.type == "string" else Text(**place(node), parts=(source(node),))

    def _inside(self, node: tree_sitter.Node) -> Expression:
        return self.read(inner(node)[0])

    def _member(self, node: tree_sitter.Node) -> Expression:
        base, name = inner(node)
        nested = node.type == "resource_expression"
        return Member(**place(node), base=self.read(base), name=source(name), nested=nested)

    def _index(self, node: tree_sitter.Node) -> Expression:
        base, index = inner(node)
        return Index(**place(node), base=self.read(base), index=self.read(index))

    def _call(self, node: tree_sitter.Node) -> Call:
        function, brackets = inner(node)
        arguments = tuple(self.read(each) for each in inner(brackets))
        if function.type == "member_expression":
            base, name = inner(function)
            return Call(**place(node), base=self.read(base), name=source(name), arguments=arguments)
        return Call(**place(node), base=None, name=source(function), arguments=arguments)

    def _operation(self, node: tree_sitter.Node) -> Expression:
        operator = node.child_by_field_name("operator")
        assert operator is not None
        operands = tuple(self.read(each) for each in inner(node))
        return Operation(**place(node), operator=source(operator), operands=operands)

    def _choice(self, node: tree_sitter.Node) -> Expression:
        condition, yes, no = (self.read(each) for each in inner(node))
        return Choice(**place(node), condition=condition, yes=yes, no=no)

    def _lambda(self, node: tree_sitter.Node) -> Expression:
        *variables, body = inner(node)
        bound = tuple(name for each in variables for name in names(each))
        return Lambda(**place(node), variables=bound, body=self.read(body))


def _name(node: tree_sitter.Node) -> Expression:
    return Name(**place(node), name=source(node))


def _unescaped(escape: str) -> str:
    return chr(int(escape[3:-1], 16)) if escape.startswith("\\u") else _ESCAPES.get(escape, escape)


def inner(node: tree_sitter.Node) -> list[tree_sitter.Node]:
    """What stands in a node, without comments."""
    return [each for each in node.named_children if each.type not in _COMMENTS]


def names(node: tree_sitter.Node) -> Iterator[str]:
    """Every symbol in a node."""
    if node.type in _NAMES:
        yield source(node)
    for each in node.named_children:
        yield from names(each)


def place(node: tree_sitter.Node) -> dict[str, int]:
    """Where a node stands, as our own nodes have it."""
    return {"start": node.start_byte, "end": node.end_byte, "line": node.start_point.row + 1}


def source(node: tree_sitter.Node) -> str:
    """What is written there."""
    return (node.text or b"").decode()
