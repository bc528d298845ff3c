"""Checks the body of every resource, and every property that is read from one, against its published shape."""

import difflib
from collections.abc import Iterable, Iterator, Mapping

from tools.infra.deployment import Deployed, types_in
from tools.infra.findings import Finding
from tools.infra.rules import ResourceRule, rules
from tools.infra.scopes import Bound, Scope, kind_of, leaves, resource_named
from tools.infra.shapes import Field, ListOf, MapOf, Model, OneOf, Scalar, Shape
from tools.infra.syntax import Expression, Fields, Items, Loop, Member, Name, Node, Parameter, Text

_ANY, _STRING = Field(shape=Scalar(kind="any")), Field(shape=Scalar(kind="string"))
#: What Bicep adds to a body, and to what can be read from a resource.
_WRITTEN = {"parent": _ANY, "scope": _ANY, "dependsOn": _ANY, "name": Field(shape=_STRING.shape, required=True)}
_EXISTING = Model(look_up=lambda: _WRITTEN)
_READ: Mapping[str, Field] = dict.fromkeys(("id", "name", "type", "apiVersion"), _STRING)
_SHAPES: Mapping[type, str] = {OneOf: "string", ListOf: "array", MapOf: "object", Model: "object"}


def check_bodies(resources: Iterable[Deployed], shapes: Mapping[str, Shape] | None = None) -> Iterator[Finding]:
    """Find unknown, misspelt, mistyped, missing and read-only properties of what is deployed.

    By the shapes of rules.toml, or those that are given; what isn't given is left out.
    """
    for each in resources:
        if shapes is not None and each.type not in shapes:
            continue
        rule = rules().resources.get(each.type)
        if rule is None:
            yield _finding(each.scope, each.resource.type_text, "unknown type", f"{each.type} isn't in rules.toml")
        else:
            # Of one that exists there is only a name to say, and where it is.
            shape = _EXISTING if each.resource.existing else _with(shapes[each.type] if shapes else rule.body, _WRITTEN)
            yield from _Body(rule).check(each.body, shape, "")


def check_reads(scope: Scope) -> Iterator[Finding]:
    """Find what is read from a resource of this file that it doesn't have."""
    types = types_in(scope.template)
    for each in scope.template.expressions:
        names: list[str] = []
        base: Expression = each
        while isinstance(base, Member) and not base.nested:
            names.insert(0, base.name)
            base = base.base
        resource = resource_named(scope, base) if names else None
        rule = rules().resources.get(types[id(resource)]) if resource else None
        if rule is not None:
            yield from _read(scope, each, names=names, shape=_with(rule.reading, _READ))


def _read(scope: Scope, at: Node, *, names: Iterable[str], shape: Shape) -> Iterator[Finding]:
    for name in names:
        if not isinstance(shape, Model):
            return
        if name not in shape.fields:
            yield _finding(scope, at, "unknown property read", f"there is no {name}{_similar(name, shape.fields)}")
            return
        shape = shape.fields[name].shape


class _Body:
    """Compares one resource's body."""

    def __init__(self, rule: ResourceRule) -> None:
        self._rule = rule

    def check(self, bound: Bound, shape: Shape, path: str) -> Iterator[Finding]:
        """Compare what an expression can stand for with a shape."""
        for leaf in (*leaves(bound), *_allowed(bound)):
            within = leaf.scope.bind
            match leaf.expression, shape:
                case Fields(), Model():
                    yield from self._object(leaf.expression, leaf.scope, model=shape, path=path)
                case Fields(properties=properties), MapOf():
                    for each in properties:
                        yield from self.check(within(each.value), shape.value, f"{path}.*")
                case Items(items=items), ListOf():
                    for each in items:
                        yield from self.check(within(each), shape.item, path)
                case Loop(body=body), ListOf():
                    yield from self.check(within(body), shape.item, path)
                case Text(plain=str(text)), OneOf():
                    if text not in shape.values:
                        yield _finding(leaf.scope, leaf.expression, "unknown value", _unlike(path, text, shape.values))
                case _:
                    yield from self._kinds(leaf, shape, path)

    def _object(self, body: Fields, scope: Scope, *, model: Model, path: str) -> Iterator[Finding]:
        fields = model.fields
        for each in body.properties:
            name = each.name or "*"
            below = f"{path}.{name}".removeprefix(".")
            if each.name is None:
                continue
            if name not in fields and below in self._rule.untyped:
                continue
            if name not in fields:
                message = f"{path or 'the body'} has no {name}{_similar(name, fields)}"
                yield _finding(scope, each, "unknown property", message)
                continue
            if fields[name].read_only:
                yield _finding(scope, each, "read-only property", f"{below} can't be set")
            if ("BCP037" in each.silenced) != (below in self._rule.untyped):
                yield _finding(scope, each, "BCP037", f"{below}: `#disable-next-line BCP037` is missing, or needless")
            yield from self.check(scope.bind(each.value), fields[name].shape, below)
        required = {name for name, field in fields.items() if field.required and not field.read_only}
        required |= {each.rpartition(".")[2] for each in self._rule.required if path and each.startswith(f"{path}.")}
        for name in sorted(required - {each.name for each in body.properties}):
            yield _finding(scope, body, "missing property", f"{path or 'the body'} needs {name}")

    def _kinds(self, leaf: Bound, shape: Shape, path: str) -> Iterator[Finding]:
        found, wanted = kind_of(leaf), _kind_of_shape(shape)
        if "any" not in (found, wanted) and found != wanted:
            yield _finding(leaf.scope, leaf.expression, "wrong type", f"{path} is {wanted}, not {found}")


def _with(shape: Shape, more: Mapping[str, Field]) -> Shape:
    fields = {**shape.fields, **more} if isinstance(shape, Model) else more
    return Model(look_up=lambda: fields)


def _allowed(bound: Bound) -> Iterator[Bound]:
    """What a parameter may be, where it is one that says so."""
    if isinstance(bound.expression, Name):
        parameter = bound.scope.template.of(Parameter).get(bound.expression.name)
        for each in parameter.decorators.get("allowed", ()) if parameter else ():
            yield from (bound.scope.bind(item) for item in (each.items if isinstance(each, Items) else ()))


def _kind_of_shape(shape: Shape) -> str:
    return shape.kind if isinstance(shape, Scalar) else _SHAPES[type(shape)]


def _unlike(path: str, text: str, values: Iterable[str]) -> str:
    return f"{path} can't be {text!r}{_similar(text, values)}"


def _similar(name: str, names: Iterable[str]) -> str:
    lowered = {each.lower(): each for each in names}
    found = difflib.get_close_matches(name.lower(), lowered, n=1)
    return f"; {lowered[found[0]]}?" if found else ""


def _finding(scope: Scope, at: Node, rule: str, message: str) -> Finding:
    return Finding(path=scope.template.path, line=at.line, rule=f"schemas: {rule}", message=message)
