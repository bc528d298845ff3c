"""Checks that names stand for something and that everything that has a name is used."""

from collections import Counter
from collections.abc import Iterator, Mapping

from tools.infra.findings import Finding
from tools.infra.reader import read_template
from tools.infra.rules import functions
from tools.infra.scopes import Bound, Scope, Value, items_of, kind_of, leaves, value_of
from tools.infra.syntax import (
    Call,
    Declaration,
    Deployable,
    Expression,
    Fields,
    Index,
    Lambda,
    Literal,
    Loop,
    Member,
    Module,
    Name,
    Node,
    Output,
    Parameter,
    Resource,
    Template,
    Text,
    Variable,
    children,
    walk,
)

_NAMESPACES = frozenset({"az", "sys"})
_EARLY = ("id", "name", "type", "apiVersion")
_KINDS = ("string", "int", "bool", "object", "array")


def check_symbols(scope: Scope) -> Iterator[Finding]:
    """Find what stands for nothing or is used by nobody, and modules that are called in a way they don't take."""
    template = scope.template
    counts = Counter((isinstance(each, Output), each.name) for each in template.declarations)
    lookup = _Lookup(template)
    for each in template.declarations:
        if counts[isinstance(each, Output), each.name] > 1:
            yield _finding(template, each, "duplicate", f"{each.name} is declared twice")
        for part in children(each):
            yield from lookup.check(part)
        yield from _misplaced_loops(template, each)
        yield from _known_too_late(template, each)
    for each in template.declarations:
        if each.name not in lookup.used and _has_to_be_used(each):
            yield _finding(template, each, "unused", f"nobody uses {each.name}")
    for each in template.of(Parameter).values():
        if each.default is not None:
            yield from _unfit(scope.bind(each.default), each, at=each)
    for each in template.of(Module).values():
        yield from _module(scope, each)


def check_values(scope: Scope, template: Template) -> Iterator[Finding]:
    """Find values of a .bicepparam file that the template doesn't take, and those that it lacks."""
    values = {name: scope.bind(each.value) for name, each in scope.template.of(Variable).items()}
    yield from _given(values, template, scope=scope, line=1)


def check_cycles(template: Template) -> Iterator[Finding]:
    """Find variables that are made of themselves."""
    variables = template.of(Variable)
    uses = {name: {part.name for part in walk(each) if isinstance(part, Name)} for name, each in variables.items()}
    for name, each in variables.items():
        reached: set[str] = set()
        waiting = set(uses[name])
        while waiting:
            reached |= waiting
            waiting = {inner for used in waiting for inner in uses.get(used, ())} - reached
        if name in reached:
            yield _finding(template, each, "cycle", f"{name} is made of itself")


class _Lookup:
    """Looks every name up, within the loops and lambdas around it."""

    def __init__(self, template: Template) -> None:
        self.used: set[str] = set()
        self._template = template
        self._declared = {each.name for each in template.declarations if not isinstance(each, Output)}
        self._declared |= template.others | {each.name for each in _nested(template)} | _NAMESPACES

    def check(self, node: Expression, bound: frozenset[str] = frozenset()) -> Iterator[Finding]:
        match node:
            case Name(name=name) if name not in bound:
                self.used.add(name)
                if name not in self._declared:
                    yield _finding(self._template, node, "unknown name", f"{name} stands for nothing")
            case Member(nested=True, name=name) if name not in self._declared:
                yield _finding(self._template, node, "unknown name", f"{name} stands for nothing")
            case Call(base=None, name=name) if name not in functions().keys() | self._template.others:
                yield _finding(self._template, node, "unknown function", f"there is no function {name}")
            case Loop() | Lambda():
                bound |= set(node.variables)
            case _:
                pass
        for each in children(node):
            yield from self.check(each, bound)


def _nested(template: Template) -> Iterator[Resource]:
    for each in template.expressions:
        if isinstance(each, Fields):
            yield from each.resources


def _has_to_be_used(declaration: Declaration) -> bool:
    if isinstance(declaration, Resource):
        return declaration.existing
    return isinstance(declaration, Parameter | Variable)


def _misplaced_loops(template: Template, declaration: Declaration) -> Iterator[Finding]:
    """Bicep takes a loop as a declaration's value, and as a property's in a resource or module (BCP138)."""
    allowed = {id(getattr(declaration, "value", None))}
    parts = list(walk(declaration))
    if isinstance(declaration, Deployable):
        objects = [part for part in parts if isinstance(part, Fields)]
        allowed |= {id(each.value) for part in objects for each in (*part.properties, *part.resources)}
    for each in parts:
        if isinstance(each, Loop) and id(each) not in allowed:
            yield _finding(template, each, "misplaced loop", "a loop can't stand here; give it to a variable")


def _known_too_late(template: Template, declaration: Declaration) -> Iterator[Finding]:
    """Names, conditions and loops have to be known before anything is deployed (BCP120, BCP178, BCP182)."""
    early: list[Expression | None] = []
    if isinstance(declaration, Deployable):
        early += [declaration.body.get("name"), declaration.condition]
    value = getattr(declaration, "value", None)
    if isinstance(value, Loop):
        early += [value.source, value.condition]
    for each in (part for start in early if start is not None for part in _expanded(start, template)):
        if isinstance(each, Member) and isinstance(each.base, Name | Index) and each.name not in _EARLY:
            root = each.base.base if isinstance(each.base, Index) else each.base
            if isinstance(root, Name) and root.name in template.of(Deployable):
                message = f"{root.name}.{each.name} is known only once {root.name} is deployed"
                yield _finding(template, each, "known too late", message)


def _expanded(expression: Expression, template: Template) -> Iterator[Expression]:
    """Everything in an expression, and in the variables that it names."""
    for each in walk(expression):
        yield each
        variable = template.of(Variable).get(each.name) if isinstance(each, Name) else None
        if variable is not None:
            yield from _expanded(variable.value, template)


def _module(scope: Scope, module: Module) -> Iterator[Finding]:
    if ":" in module.path:
        return
    path = scope.template.path.parent / module.path
    try:
        called = read_template(path, scope.read_file(path))
    except OSError:
        yield _finding(scope.template, module, "unknown file", f"there is no {module.path}")
        return
    written = module.body.get("params")
    given = written.properties if isinstance(written, Fields) else ()
    values = {each.name: scope.bind(each.value) for each in given if each.name is not None}
    yield from _given(values, called, scope=scope, line=module.line)
    for each in scope.template.expressions:
        match each:
            case Member(base=Member(base=Name(name=name), name="outputs"), name=output) if name == module.name:
                if output not in called.of(Output):
                    yield _finding(scope.template, each, "unknown output", f"{module.path} has no output {output}")
            case Member(base=Name(name=name), name=member) if name == module.name and member not in ("outputs", "name"):
                yield _finding(scope.template, each, "unknown output", f"a module has outputs, and no {member}")
            case _:
                pass


def _given(values: Mapping[str, Bound], called: Template, *, scope: Scope, line: int) -> Iterator[Finding]:
    """Compare values with the parameters that they are for."""
    for name, value in values.items():
        parameter = called.of(Parameter).get(name)
        if parameter is None:
            yield _finding(scope.template, value.expression, "unknown parameter", f"{called.path.name} has no {name}")
        else:
            yield from _unfit(value, parameter, at=value.expression)
    for name, parameter in called.of(Parameter).items():
        if name not in values and parameter.default is None and not parameter.type.endswith("?"):
            message = f"{called.path.name} needs {name}"
            yield Finding(path=scope.template.path, line=line, rule="symbols: missing parameter", message=message)


def _unfit(value: Bound, parameter: Parameter, *, at: Node) -> Iterator[Finding]:
    """Find what a value can be and the parameter can't: of another type, or none of those that are allowed."""
    wanted = "array" if parameter.type.endswith("[]") else parameter.type.removesuffix("?")
    allowed = [item for each in parameter.decorators.get("allowed", ()) for item in _items(value.scope.bind(each))]
    for leaf in leaves(value):
        found = kind_of(leaf)
        if wanted in _KINDS and found not in (wanted, "any"):
            message = f"{parameter.name} is {wanted}, not {found}"
            yield _finding(value.scope.template, at, "parameter's type", message)
        elif isinstance(leaf.expression, Literal | Text) and allowed and value_of(leaf) not in allowed:
            message = f"{parameter.name} can't be {value_of(leaf)!r}"
            yield _finding(value.scope.template, at, "parameter's value", message)


def _items(bound: Bound) -> list[Value]:
    return [value_of(each) for each in items_of(bound) or ()]


def _finding(template: Template, at: Node, rule: str, message: str) -> Finding:
    return Finding(path=template.path, line=at.line, rule=f"symbols: {rule}", message=message)
