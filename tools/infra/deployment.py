"""Everything that a template deploys, its modules' share included: one entry for each resource and round of a loop."""

import dataclasses
from collections.abc import Iterator, Sequence

from tools.infra.scopes import Bound, Scope, resolve, resource_named, rounds_of, value_of
from tools.infra.syntax import Call, Expression, Fields, Module, Resource, Template


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """A resource, and where its names are to be looked up."""

    resource: Resource
    scope: Scope
    #: With the types of what it lies in.
    type: str
    #: With the names of what it lies in: ``account/default/queue``.
    name: str

    @property
    def body(self) -> Bound:
        """Its body."""
        return self.scope.bind(self.resource.body)

    def at(self, path: str) -> Bound | None:
        """What stands at a path in its body: ``properties.minimumTlsVersion``."""
        expression: Expression | None = self.resource.body
        for each in path.split("."):
            if isinstance(expression, Call):
                expression = resolve(self.scope.bind(expression)).expression
            expression = expression.get(each) if isinstance(expression, Fields) else None
        return None if expression is None else self.scope.bind(expression)


def deployed(scope: Scope) -> Iterator[Deployed]:
    """Every resource of a template and its modules, whatever its condition; existing ones too."""
    for each in scope.template.of(Resource).values():
        for inside in _rounds(scope, each):
            yield from _with_nested(each, inside, outer=None)
    for module in scope.template.of(Module).values():
        for inside in _rounds(scope, module):
            if (within := inside.of_module(module)) is not None:
                yield from deployed(within)


def types_in(template: Template) -> dict[int, str]:
    """The full type of every resource of a file, by the identity of its entry."""
    types: dict[int, str] = {}
    waiting = [(each, each.type) for each in template.of(Resource).values()]
    while waiting:
        resource, full = waiting.pop()
        types[id(resource)] = full
        waiting.extend((each, f"{full}/{each.type}") for each in resource.body.resources)
    return types


def _rounds(scope: Scope, declaration: Resource | Module) -> Sequence[Scope]:
    if declaration.loop is None:
        return [scope]
    rounds = rounds_of(scope, declaration.loop)
    return [scope] if rounds is None else rounds


def _with_nested(resource: Resource, scope: Scope, *, outer: Deployed | None) -> Iterator[Deployed]:
    name = value_of(scope.bind(resource.body.get("name") or resource.type_text))
    above = outer.name if outer else _name_above(resource, scope)
    entry = Deployed(
        resource=resource,
        scope=scope,
        type=f"{outer.type}/{resource.type}" if outer else resource.type,
        name=f"{above}/{name}" if above else str(name),
    )
    yield entry
    for each in resource.body.resources:
        for inside in _rounds(scope, each):
            yield from _with_nested(each, inside, outer=entry)


def _name_above(resource: Resource, scope: Scope) -> str:
    """The name of a resource's parent, with those above it; of one of a loop's, what its rounds have in common."""
    expression = resource.body.get("parent")
    parent = resource_named(scope, expression) if expression else None
    if parent is None:
        return ""
    above = _name_above(parent, scope)
    name = value_of(scope.bind(parent.body.get("name") or parent.type_text))
    return f"{above}/{name}" if above else str(name)
