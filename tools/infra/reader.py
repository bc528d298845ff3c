"""Reads Bicep with tree-sitter's grammar."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

import tree_sitter
import tree_sitter_bicep

from tools.infra.expressions import Expressions, inner, names, place, source
from tools.infra.syntax import (
    Call,
    Declaration,
    Expression,
    Fields,
    Loop,
    Module,
    Output,
    Parameter,
    Resource,
    SyntaxInvalidError,
    Template,
    Variable,
    walk,
)

type _Decorators = Mapping[str, tuple[Expression, ...]]

_PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language()))
_OTHERS = ("type_declaration", "user_defined_function", "import_functionality", "import_statement")


@lru_cache(maxsize=64)
def read_template(path: Path, contents: bytes) -> Template:
    """Read a .bicep or a .bicepparam file; raises SyntaxInvalidError."""
    if path.suffix == ".bicepparam":
        # The grammar knows no parameter without a type. A variable of the same length is the same to it.
        root = _parse(re.sub(rb"^param(?=\s)", b"var  ", contents, flags=re.MULTILINE))
    else:
        root = _parse(contents)
    others = frozenset(name for node in root.named_children if node.type in _OTHERS for name in names(node))
    declarations = tuple(_declarations(root))
    expressions = tuple(part for each in declarations for part in walk(each))
    return Template(path=path, source=contents, declarations=declarations, others=others, expressions=expressions)


def _parse(contents: bytes) -> tree_sitter.Node:
    root = _PARSER.parse(contents).root_node
    for each in _all(root) if root.has_error else ():
        if each.is_error or each.is_missing:
            raise SyntaxInvalidError(line=each.start_point.row + 1, found=source(each)[:60])
    return root


def _all(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    yield node
    for each in node.children:
        yield from _all(each)


def _declarations(root: tree_sitter.Node) -> Iterator[Declaration]:
    decorators: _Decorators = {}
    for each in inner(root):
        if each.type == "decorators":
            calls = (_expressions.read(call) for decorator in inner(each) for call in inner(decorator))
            decorators = {call.name: call.arguments for call in calls if isinstance(call, Call)}
            continue
        if read := _DECLARATIONS.get(each.type):
            yield read(each, decorators)
        decorators = {}


def _parameter(node: tree_sitter.Node, decorators: _Decorators) -> Declaration:
    name, kind, *default = inner(node)
    return Parameter(
        **place(node),
        name=source(name),
        decorators=decorators,
        type=source(kind),
        default=_expressions.read(default[0]) if default else None,
    )


def _variable(node: tree_sitter.Node, decorators: _Decorators) -> Declaration:
    name, value = inner(node)
    return Variable(**place(node), name=source(name), decorators=decorators, value=_expressions.read(value))


def _output(node: tree_sitter.Node, decorators: _Decorators) -> Declaration:
    name, kind, value = inner(node)
    read = _expressions.read(value)
    return Output(**place(node), name=source(name), decorators=decorators, type=source(kind), value=read)


def _resource(node: tree_sitter.Node, decorators: _Decorators) -> Resource:
    name, kind, body = inner(node)
    type_text = _expressions.text(kind)
    type_name, _, version = (type_text.plain or "").partition("@")
    value, condition = _body(body)
    return Resource(
        **place(node),
        name=source(name),
        decorators=decorators,
        type=type_name,
        version=version or None,
        type_text=type_text,
        existing=any(each.type == "existing" for each in node.children),
        value=value,
        condition=condition,
    )


def _module(node: tree_sitter.Node, decorators: _Decorators) -> Declaration:
    name, path, body = inner(node)
    value, condition = _body(body)
    return Module(
        **place(node),
        name=source(name),
        decorators=decorators,
        path=_expressions.text(path).plain or "",
        value=value,
        condition=condition,
    )


def _body(node: tree_sitter.Node) -> tuple[Fields | Loop, Expression | None]:
    """What a resource or module is made of, and the condition before it."""
    if node.type == "if_statement":
        condition, body = inner(node)
        return _expressions.fields(body), _expressions.read(condition)
    if node.type == "for_statement":
        loop = _expressions.loop(node)
        if isinstance(loop.body, Fields):
            return loop, None
    return _expressions.fields(node), None


_DECLARATIONS = {
    "parameter_declaration": _parameter,
    "variable_declaration": _variable,
    "output_declaration": _output,
    "resource_declaration": _resource,
    "module_declaration": _module,
}
_expressions = Expressions(resource=lambda node: _resource(node, {}))
