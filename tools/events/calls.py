"""Finds what a module logs: the calls of its ``logger``, with the fields that they give.

A field's name is read off the code where it is written: in a literal, in a variable of the function, or in what a
function of ours returns. Of a model that is poured out whole, ``meanings.toml`` says which class it is, and its fields
are asked of that class.
"""

import ast
import dataclasses
import enum
import functools
import importlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

_ROOT = Path(__file__).resolve().parent.parent.parent
_LEVELS = {"debug": "DEBUG", "info": "INFO", "warning": "WARNING", "error": "ERROR", "exception": "ERROR"}


class UnknownFieldsError(Exception):
    """The fields of an event can't be read off the code, and ``meanings.toml`` doesn't say."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What one call logs."""

    action: str
    level: str
    message: str
    fields: tuple[str, ...]
    #: The module, from the project's folder.
    module: str


def events_of(module: str, *, poured: Mapping[str, str], root: Path = _ROOT) -> Iterator[Event]:
    """What a module logs; ``poured`` says of which class (``module:Class``) an expression's fields are.

    Raises UnknownFieldsError.
    """
    tree = _parsed(root / module)
    for function, call in _calls(tree):
        reading = _Reading(tree=tree, function=function, line=call.lineno, module=module, poured=poured, root=root)
        given = next((each.value for each in call.keywords if each.arg == "extra"), None)
        if given is None:
            raise UnknownFieldsError(f"{module}:{call.lineno}: an event without fields; give it an action")
        fields = list(dict.fromkeys(reading.fields(given)))
        assert isinstance(call.func, ast.Attribute)
        yield Event(
            action=reading.action(given),
            level=_LEVELS[call.func.attr],
            message=_text(call.args[0], f"{module}:{call.lineno}: the message"),
            fields=tuple(each for each in fields if each != "action"),
            module=module,
        )


def _calls(tree: ast.Module) -> Iterator[tuple[ast.AST, ast.Call]]:
    """Each call of the module's logger, with the function that it stands in."""
    functions = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
    for function in functions:
        for node in ast.walk(function):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="logger"), attr=name)) if name in _LEVELS:
                    yield function, node
                case _:
                    pass


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """Reads the fields of a call, from what stands before it in its function."""

    tree: ast.Module
    function: ast.AST
    line: int
    module: str
    poured: Mapping[str, str]
    root: Path

    def action(self, given: ast.expr) -> str:
        """The stable name of an event."""
        entry = self._entry(given, "action")
        if entry is None:
            raise UnknownFieldsError(f"{self.module}:{self.line}: an event without an action")
        return _text(entry, f"{self.module}:{self.line}: the action")

    def fields(self, given: ast.expr) -> Iterator[str]:
        """The names of all fields, in the order in which they come."""
        given = self._made_of(given)
        if stated := self.poured.get(ast.unparse(given)):
            yield from _members(stated)
            return
        match given:
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    if key is None:
                        yield from self.fields(value)
                    else:
                        yield _text(key, f"{self.module}:{self.line}: a field's name")
            case ast.Call(func=ast.Attribute(attr="model_dump"), keywords=keywords) if names := _included(keywords):
                yield from names
            case ast.Call(func=ast.Name(id=name)) if returned := self._returned(name):
                yield from returned
            case _:
                raise UnknownFieldsError(
                    f"{self.module}:{self.line}: which fields {ast.unparse(given)} has can't be told; "
                    f"state its class in tools/events/meanings.toml"
                )

    def _entry(self, given: ast.expr, wanted: str) -> ast.expr | None:
        """The value of a field that is written out."""
        given = self._made_of(given)
        if not isinstance(given, ast.Dict):
            return None
        for key, value in zip(given.keys, given.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == wanted:
                return value
            if key is None and (inside := self._entry(value, wanted)):
                return inside
        return None

    def _made_of(self, given: ast.expr) -> ast.expr:
        """What a variable of the function was last made of; anything else is as it is."""
        if not isinstance(given, ast.Name):
            return given
        assigned = [
            node
            for node in ast.walk(self.function)
            if isinstance(node, ast.Assign) and node.lineno <= self.line and given.id in map(ast.unparse, node.targets)
        ]
        return max(assigned, key=lambda each: each.lineno).value if assigned else given

    def _returned(self, name: str) -> list[str]:
        """The fields that a function returns: one of this module, or of one of ours that it is imported from."""
        tree = self.tree
        for node in self.tree.body:
            if isinstance(node, ast.ImportFrom) and any(each.name == name for each in node.names):
                tree = _parsed(self.root / f"{str(node.module).replace('.', '/')}.py")
        for node in tree.body:
            if (
                isinstance(node, ast.FunctionDef)
                and node.name == name
                and isinstance(last := node.body[-1], ast.Return)
            ):
                inside = dataclasses.replace(self, tree=tree, function=node, line=last.lineno)
                return list(inside.fields(last.value)) if last.value else []
        return []


@functools.cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _text(node: ast.expr, what: str) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise UnknownFieldsError(f"{what} has to be written out, not made: {ast.unparse(node)}")


def _included(keywords: Sequence[ast.keyword]) -> list[str]:
    return [
        _text(name, "a field's name")
        for each in keywords
        if each.arg == "include" and isinstance(each.value, ast.Set)
        for name in each.value.elts
    ]


def _members(stated: str) -> Iterator[str]:
    """The fields of ``module:Class``, but for those after ``-``: of a model, a dataclass, or the words of an enum."""
    place, *without = stated.split(" -")
    module, _, name = place.partition(":")
    found: Any = getattr(importlib.import_module(module), name)
    if issubclass(found, BaseModel):
        names = list(found.model_fields)
    elif issubclass(found, enum.Enum):
        names = [each.name.lower() for each in found]
    else:
        names = [each.name for each in dataclasses.fields(found)]
    yield from (each for each in names if each not in without)
