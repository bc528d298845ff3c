"""What a resource's body may look like, from the models that Microsoft publishes for Python (azure-mgmt-*)."""

import builtins
import dataclasses
import enum
import importlib
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any, cast


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """A string, int or bool; anything where it isn't said."""

    kind: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OneOf:
    """One of these strings."""

    values: frozenset[str]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListOf:
    """An array."""

    item: "Shape"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MapOf:
    """An object whose names are free."""

    value: "Shape"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A property of a model."""

    shape: "Shape"
    required: bool = False
    read_only: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """An object whose names are given; its fields are looked up when they are asked for, since models nest for ever."""

    look_up: Callable[[], Mapping[str, Field]]

    @property
    def fields(self) -> Mapping[str, Field]:
        """By the name that REST and Bicep give them."""
        return self.look_up()


type Shape = Scalar | OneOf | ListOf | MapOf | Model

_SCALARS: Mapping[Any, str] = {
    str: "string",
    datetime: "string",
    timedelta: "string",
    int: "int",
    float: "int",
    bool: "bool",
}


def shape_of_model(place: str) -> Shape:
    """The shape of a class, given as ``module:class``."""
    module, _, name = place.partition(":")
    return _shape(getattr(importlib.import_module(module), name))


def shape_as_written(written: object) -> Shape:
    """A shape in short: ``{"name!": "string", "tags": {"*": "string"}, "items": ["string"]}``; ! is required."""
    if isinstance(written, str):
        return Scalar(kind=written)
    if isinstance(written, list):
        return ListOf(item=shape_as_written(cast("list[object]", written)[0]))
    entries = cast("dict[str, object]", written)
    if "*" in entries:
        return MapOf(value=shape_as_written(entries["*"]))
    fields = {
        name.removesuffix("!"): Field(shape=shape_as_written(value), required=name.endswith("!"))
        for name, value in entries.items()
    }
    return Model(look_up=lambda: fields)


def _shape(hint: Any) -> Shape:
    """The shape that an annotation stands for."""
    arguments = typing.get_args(hint)
    match typing.get_origin(hint):
        case typing.Union | types.UnionType:
            shapes = [_shape(each) for each in arguments if each is not types.NoneType]
            # Optional values of an enumeration are written `str | Enumeration | None`.
            return next((each for each in shapes if isinstance(each, OneOf)), shapes[0])
        case builtins.list:
            return ListOf(item=_shape(arguments[0]))
        case builtins.dict:
            return MapOf(value=_shape(arguments[1]))
        case _:
            return _class_shape(hint) if inspect.isclass(hint) else Scalar(kind="any")


def _class_shape(hint: type) -> Shape:
    if hasattr(hint, "_attribute_map") or hasattr(hint, "_calculated"):
        return Model(look_up=lambda: _fields(hint))
    if issubclass(hint, enum.Enum) and not issubclass(hint, int):
        return OneOf(values=frozenset(str(each.value) for each in hint))
    return Scalar(kind="int" if issubclass(hint, int) and hint is not bool else _SCALARS.get(hint, "any"))


@cache
def _fields(model: type) -> Mapping[str, Field]:
    return _old_fields(model) if hasattr(model, "_attribute_map") else _new_fields(model)


def _new_fields(model: type) -> Mapping[str, Field]:
    """Models that are made from TypeSpec: annotated attributes; one that can't be None is required."""
    hints = typing.get_type_hints(model, localns=_names_of(model))
    fields: dict[str, Field] = {}
    for each in reversed(model.__mro__):
        for attribute, value in vars(each).items():
            if attribute in hints and hasattr(value, "_rest_name_input"):
                read_only = value._visibility == ["read"]  # noqa: SLF001 - nothing public tells it
                name = value._rest_name_input or attribute  # noqa: SLF001
                required = types.NoneType not in typing.get_args(hints[attribute])
                fields[name] = Field(shape=_shape(hints[attribute]), required=required, read_only=read_only)
    return fields


def _old_fields(model: type) -> Mapping[str, Field]:
    """Models of the older kind: a map of names, in which ``properties.x`` stands for an x in ``properties``."""
    hints = typing.get_type_hints(model.__init__, localns=_names_of(model))
    validation: Mapping[str, Mapping[str, object]] = getattr(model, "_validation", {})
    top: dict[str, Field] = {}
    nested: dict[str, dict[str, Field]] = {}
    for attribute, entry in cast("Mapping[str, Mapping[str, str]]", vars(model)["_attribute_map"]).items():
        rules = validation.get(attribute, {})
        field = Field(
            shape=_shape(hints.get(attribute, object)),
            required=bool(rules.get("required")),
            read_only=bool(rules.get("readonly")),
        )
        outer, _, inner = entry["key"].partition(".")
        if inner:
            nested.setdefault(outer, {})[inner] = field
        else:
            top[outer] = field
    for name, fields in nested.items():
        required = any(each.required and not each.read_only for each in fields.values())
        top[name] = Field(shape=Model(look_up=lambda fields=fields: fields), required=required)
    return top


def _names_of(model: type) -> dict[str, Any]:
    """What annotations of a model refer to: they name the models' package ``_models``."""
    return {"_models": importlib.import_module(model.__module__.rpartition(".")[0])}
