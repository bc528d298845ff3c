"""What an expression stands for: follows names, parameters and modules' outputs, and computes what can be computed."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tools.infra.reader import read_template
from tools.infra.rules import functions
from tools.infra.syntax import (
    Call,
    Choice,
    Expression,
    Fields,
    Index,
    Items,
    Literal,
    Loop,
    Member,
    Module,
    Name,
    Operation,
    Output,
    Parameter,
    Property,
    Resource,
    Template,
    Text,
    Variable,
)

_LITERALS: Mapping[type, str] = {bool: "bool", int: "int", type(None): "any"}
_EXPRESSIONS: Mapping[type, str] = {Text: "string", Items: "array", Loop: "array", Fields: "object"}
_OPERATORS = {**dict.fromkeys(("!", "==", "!=", ">", "<", "&&", "||"), "bool"), **dict.fromkeys("+-*/%", "int")}


class Runtime(str):
    """A value that only Azure knows: its text is the expression in braces, so that equal ones can be told."""

    __slots__ = ()


type Value = str | int | bool | list[Value] | dict[str, Value] | None
#: How a file's contents are found: from the disk, or changed by a mutation.
type ReadFile = Callable[[Path], bytes]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """An expression and where its names are to be looked up."""

    expression: Expression
    scope: "Scope"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A template with what its parameters and loop variables stand for."""

    template: Template
    read_file: ReadFile
    bindings: Mapping[str, Bound] = dataclasses.field(default_factory=dict[str, Bound])

    def bind(self, expression: Expression) -> Bound:
        """The expression, with this scope."""
        return Bound(expression=expression, scope=self)

    def with_variables(self, variables: Mapping[str, Bound]) -> "Scope":
        """The scope within a loop."""
        return dataclasses.replace(self, bindings={**self.bindings, **variables})

    def of_module(self, module: Module) -> "Scope | None":
        """The scope of a module that is called here; None for one from a registry."""
        path = self.template.path.parent / module.path
        if ":" in module.path:
            return None
        template = read_template(path, self.read_file(path))
        given = module.body.get("params")
        values = {each.name: each.value for each in given.properties} if isinstance(given, Fields) else {}
        # A default that names another parameter stays unknown: none of ours does.
        scope = Scope(template=template, read_file=self.read_file)
        defaults = {
            name: scope.bind(each.default) for name, each in template.of(Parameter).items() if each.default is not None
        }
        passed = {name: self.bind(value) for name, value in values.items() if name is not None}
        return dataclasses.replace(scope, bindings={**defaults, **passed})


def resolve(bound: Bound) -> Bound:
    """Follow names, members and outputs as far as they lead."""
    expression, scope = bound.expression, bound.scope
    found: Bound | None = None
    match expression:
        case Name():
            variable = scope.template.of(Variable).get(expression.name)
            found = scope.bindings.get(expression.name) or (scope.bind(variable.value) if variable else None)
        case Member():
            found = _member(scope.bind(expression.base), expression.name)
        case Index():
            key, base = value_of(scope.bind(expression.index)), resolve(scope.bind(expression.base))
            if isinstance(base.expression, Items) and isinstance(key, int) and key < len(base.expression.items):
                found = base.scope.bind(base.expression.items[key])
            elif isinstance(key, str):
                found = _member(base, key)
        case Call(base=None, name="union", arguments=(first, *more)) if all(
            _is_empty(scope.bind(each)) for each in more
        ):
            # What may be added stands in nobody's template.
            found = scope.bind(first)
        case _:
            pass
    return bound if found is None else resolve(found)


def _is_empty(bound: Bound) -> bool:
    reached = resolve(bound).expression
    return isinstance(reached, Fields) and not reached.properties


def leaves(bound: Bound) -> Iterator[Bound]:
    """Everything that an expression can stand for: both sides of every choice."""
    reached = resolve(bound)
    match reached.expression:
        case Choice(yes=yes, no=no):
            yield from leaves(reached.scope.bind(yes))
            yield from leaves(reached.scope.bind(no))
        case Operation(operator="??", operands=operands):
            for each in operands:
                yield from leaves(reached.scope.bind(each))
        case _:
            yield reached


def items_of(bound: Bound) -> list[Bound] | None:
    """What can be in an array: the elements of both sides of every choice; None where they can't be known."""
    lists: list[list[Bound] | None] = []
    for leaf in leaves(bound):
        match leaf.expression:
            case Items(items=items):
                lists.append([leaf.scope.bind(each) for each in items])
            case Call(name="union" | "concat", base=None, arguments=arguments):
                lists.extend(items_of(leaf.scope.bind(each)) for each in arguments)
            case Loop() as loop:
                rounds = rounds_of(leaf.scope, loop)
                lists.append(None if rounds is None else [each.bind(loop.body) for each in rounds])
            case _:
                lists.append(None)
    return None if None in lists else [item for each in lists if each is not None for item in each]


def properties_of(bound: Bound) -> Iterator[Property]:
    """What can be in an object: the properties of both sides of every choice, and of everything in a union."""
    for leaf in leaves(bound):
        match leaf.expression:
            case Fields(properties=properties):
                yield from properties
            case Call(name="union", base=None, arguments=arguments):
                for each in arguments:
                    yield from properties_of(leaf.scope.bind(each))
            case _:
                pass


def rounds_of(scope: Scope, loop: Loop) -> list[Scope] | None:
    """The scope of each round of a loop; None where they can't be known."""
    items = items_of(scope.bind(loop.source))
    if items is None:
        return None
    place = {"start": loop.start, "end": loop.end, "line": loop.line}
    numbers = (scope.bind(Literal(**place, value=each)) for each in range(len(items)))
    pairs = zip(items, numbers, strict=True)
    return [scope.with_variables(dict(zip(loop.variables, pair, strict=False))) for pair in pairs]


def value_of(bound: Bound) -> Value:
    """The value, with Runtime for whatever can't be known here; of a choice nothing is known."""
    reached = resolve(bound)
    inside = reached.scope.bind
    match reached.expression:
        case Literal(value=value):
            return value
        case Text(parts=parts):
            return _joined([each if isinstance(each, str) else value_of(inside(each)) for each in parts])
        case Fields(properties=properties):
            return {str(value_of(inside(each.key))): value_of(inside(each.value)) for each in properties}
        case Items() | Loop() | Call(name="union" | "concat") | Choice():
            items = items_of(reached)
            return _runtime(reached) if items is None else [value_of(each) for each in items]
        case Call(name="string" as function) | Operation(operator="/" as function):
            return _computed(function, reached)
        case _:
            return _runtime(reached)


def dig(value: Value, path: str) -> Value:
    """What stands at a path in a value: ``definition.filters``; None where nothing does."""
    for each in path.split("."):
        value = value.get(each) if isinstance(value, dict) else None
    return value


def kind_of(leaf: Bound) -> str:
    """Whether it is a string, int, bool, array or object; any where that can't be told."""
    match leaf.expression:
        case Literal(value=value):
            return _LITERALS[type(value)]
        case Call(name=name):
            return functions().get(name, "any")
        case Operation(operator=operator):
            return _OPERATORS.get(operator, "any")
        case expression:
            return _EXPRESSIONS.get(type(expression), "any")


def _member(base: Bound, name: str) -> Bound | None:
    """What a member of something is: a field, a module's output, a resource's name."""
    expression, scope = base.expression, base.scope
    if isinstance(expression, Member) and expression.name == "outputs" and isinstance(expression.base, Name):
        module = scope.template.of(Module).get(expression.base.name)
        inside = scope.of_module(module) if module else None
        output = inside.template.of(Output).get(name) if inside else None
        return inside.bind(output.value) if inside and output else None
    if isinstance(expression, Name) and name == "name":
        resource = scope.template.of(Resource).get(expression.name)
        written = resource.body.get("name") if resource and resource.loop is None else None
        if written is not None:
            return scope.bind(written)
    reached = resolve(base)
    value = reached.expression.get(name) if isinstance(reached.expression, Fields) else None
    return None if value is None else reached.scope.bind(value)


def _joined(parts: Sequence[Value]) -> str:
    kind = Runtime if any(isinstance(each, Runtime) for each in parts) else str
    return kind("".join(str(each) for each in parts))


def _computed(function: str, bound: Bound) -> Value:
    """The two computations that our settings need."""
    match function, [value_of(bound.scope.bind(each)) for each in _operands(bound.expression)]:
        case "string", [int(number)]:
            return str(number)
        case "/", [int(left), int(right)]:
            return left // right
        case _:
            return _runtime(bound)


def _operands(expression: Expression) -> tuple[Expression, ...]:
    match expression:
        case Call(arguments=operands) | Operation(operands=operands):
            return operands
        case _:
            return ()


def _runtime(bound: Bound) -> Runtime:
    expression = bound.expression
    return Runtime("{" + bound.scope.template.source[expression.start : expression.end].decode() + "}")


def resource_named(scope: Scope, expression: Expression) -> Resource | None:
    """The resource of this file that an expression names, also by ``name[index]`` and ``outer::inner``."""
    match expression:
        case Name():
            return scope.template.of(Resource).get(expression.name)
        case Index():
            return resource_named(scope, expression.base)
        case Member(nested=True):
            outer = resource_named(scope, expression.base)
            inner = outer.body.resources if outer else ()
            return next((each for each in inner if each.name == expression.name), None)
        case _:
            return None
