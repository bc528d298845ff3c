"""Breaks our own templates in every way that the checks know of, one fault at a time, to prove that they notice."""

import dataclasses
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tools.infra.checks import Sources, check
from tools.infra.project import Project
from tools.infra.reader import read_template
from tools.infra.rules import rules
from tools.infra.syntax import (
    Call,
    Deployable,
    Fields,
    Items,
    Literal,
    Member,
    Module,
    Name,
    Node,
    Parameter,
    Property,
    Resource,
    Template,
    Text,
    Variable,
    walk,
)

_SETTINGS = "Microsoft.Web/sites/config"
_HAVE_DEFAULTS = frozenset(
    {"tags", "redundancy", "queues", "tables", "containers", "lifecycleRules", "subnetId", "alwaysReady"}
    | {"operatorsGroupId", "mayOperatorsRedrive", "mayOperatorsSteer"}
)
_FREE = ("tags", "userAssignedIdentities", "notifications")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One fault: what it is, which check has to notice it, and the files with it."""

    kind: str
    check: str
    where: str
    sources: Sources | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a mutation: the rules that were broken."""

    mutation: Mutation
    rules: tuple[str, ...]

    @property
    def noticed(self) -> tuple[str, ...]:
        """Those of the check that has to notice it."""
        return tuple(each for each in self.rules if each.startswith(f"{self.mutation.check}:"))

    @property
    def is_caught(self) -> bool:
        """Whether that check did."""
        return bool(self.noticed)


def try_mutation(mutation: Mutation, project: Project) -> Outcome:
    """Run the checks on the files with a fault."""
    found = check(mutation.sources, project) if mutation.sources else []
    return Outcome(mutation=mutation, rules=tuple(sorted({each.rule for each in found})))


def mutations(sources: Sources) -> Iterator[Mutation]:
    """Every fault, those that are made from the templates and those that are written by hand."""
    for path in (each for each in sources.files if each.suffix == ".bicep"):
        contents = sources.files[path]
        template = read_template(path, contents)
        for kind, (group, faults) in _MADE.items():
            for node, new in faults(template):
                changed = sources.changed(path, contents[: node.start] + new.encode() + contents[node.end :])
                yield Mutation(kind=kind, check=group, where=f"{path}:{node.line}", sources=changed)
    yield from _written(sources)


def _written(sources: Sources) -> Iterator[Mutation]:
    faults = tomllib.loads(Path(__file__).with_name("mutations.toml").read_text(encoding="utf-8"))["fault"]
    for each in faults:
        path = sources.main.parent / each["file"]
        for old, new in each["changes"]:
            contents = sources.files[path]
            changed = sources.changed(path, contents.replace(old.encode(), new.encode(), 1))
            # One whose place is gone is not caught: the table has to follow the templates.
            broken = changed if old.encode() in contents else None
            yield Mutation(kind=each["kind"], check=each["check"], where=f"{path}: {old!r}", sources=broken)


type _Faults = Iterator[tuple[Node, str]]


def _bodies(template: Template) -> Iterator[Property]:
    """The properties of all bodies whose names are given: not those of settings and tags."""
    waiting = [each.body for each in template.of(Resource).values() if each.type != _SETTINGS]
    while waiting:
        for each in waiting.pop().properties:
            yield each
            if each.name not in _FREE:
                parts = each.value.items if isinstance(each.value, Items) else (each.value,)
                waiting.extend(part for part in parts if isinstance(part, Fields))


def _misspelt(properties: Iterable[Property]) -> _Faults:
    return ((each.key, f"{each.name}x") for each in properties)


def _cased(template: Template) -> _Faults:
    return ((each.key, (each.name or "").swapcase()) for each in _bodies(template))


def _mistyped(template: Template) -> _Faults:
    for each in _bodies(template):
        if isinstance(each.value, Text | Literal | Items):
            yield each.value, "17" if isinstance(each.value, Text) else "'17'"


def _names(template: Template) -> _Faults:
    return ((each, f"{each.name}x") for each in template.expressions if isinstance(each, Name))


def _functions(template: Template) -> _Faults:
    for each in template.expressions:
        if isinstance(each, Call) and each.base is None:
            yield dataclasses.replace(each, end=each.start + len(each.name)), f"{each.name}x"


def _read(template: Template, kind: type[Deployable]) -> _Faults:
    """The last name of everything that is read from a module or resource."""
    inner = {id(each.base) for each in template.expressions if isinstance(each, Member)}
    for each in template.expressions:
        if not isinstance(each, Member) or each.nested or id(each) in inner:
            continue
        if any(isinstance(part, Name) and part.name in template.of(kind) for part in walk(each)):
            yield dataclasses.replace(each, start=each.end - len(each.name)), f"{each.name}x"


def _passed(template: Template) -> Iterator[Property]:
    for each in template.of(Module).values():
        given = each.body.get("params")
        yield from given.properties if isinstance(given, Fields) else ()


def _not_passed(template: Template) -> _Faults:
    """Without a parameter that has no default in the module."""
    return ((each, "") for each in _passed(template) if each.name not in _HAVE_DEFAULTS)


def _passed_wrongly(template: Template) -> _Faults:
    return ((each.value, "17" if each.name == "tags" else "{}") for each in _passed(template))


def _unbounded(template: Template) -> _Faults:
    required = [each for each in template.of(Parameter).values() if each.default is None]
    for each in template.of(Parameter).values():
        for name, arguments in each.decorators.items():
            if name in ("minValue", "maxValue", "maxLength") or (name == "minLength" and each in required):
                place = arguments[0]
                yield dataclasses.replace(place, start=place.start - len(name) - 2, end=place.end + 1), ""


def _versions(template: Template) -> _Faults:
    versioned = (each for each in template.of(Resource).values() if each.version)
    return ((each.type_text, f"'{each.type}@2019-04-01'") for each in versioned)


def _types(template: Template) -> _Faults:
    versioned = (each for each in template.of(Resource).values() if each.version and not each.existing)
    return ((each.type_text, f"'{each.type}s@{each.version}'") for each in versioned)


def _weak(template: Template) -> _Faults:
    """Each value that hardens something, made weak, and left out."""
    weak = {"TLS1_2": "'TLS1_0'", "1.2": "'1.0'", "Disabled": "'AllAllowed'", "None": "'Blob'"}
    hardened = {
        path.rpartition(".")[2]
        for each in template.of(Resource).values()
        for path in rules().hardening.get(each.type, {})
    }
    for each in _bodies(template):
        if each.name in hardened and isinstance(each.value, Literal):
            yield each.value, "false" if each.value.value else "true"
            yield each, ""
        elif each.name in hardened and isinstance(each.value, Text) and each.value.plain in weak:
            yield each.value, weak[each.value.plain]
            yield each, ""


def _denied(template: Template) -> _Faults:
    for resource in template.of(Resource).values():
        properties = resource.body.get("properties")
        if isinstance(properties, Call):
            # Settings of the template's own, joined with those that are given.
            properties = properties.arguments[0]
        if isinstance(properties, Fields) and resource.type == _SETTINGS:
            yield from _with_names(properties, rules().denied["properties"])
        elif isinstance(properties, Fields) and isinstance(inside := properties.get("siteConfig"), Fields):
            yield from _with_names(inside, rules().denied["properties.siteConfig"])


def _with_names(fields: Fields, names: Iterable[str]) -> _Faults:
    opening = dataclasses.replace(fields, end=fields.start + 1)
    return ((opening, f"{{\n    {name}: 'x'") for name in sorted(names))


def _roles(template: Template) -> _Faults:
    known = set(rules().roles.values())
    for each in template.expressions:
        if isinstance(each, Text) and each.plain in known:
            yield each, f"'{each.plain[:-1]}'"
            yield each, f"'{min(known - {each.plain})}'"


def _listed(template: Template, variable: str, *, without: bool) -> _Faults:
    """Each entry of a list, left out or with another name."""
    found = template.of(Variable).get(variable)
    for each in found.value.items if found and isinstance(found.value, Items) else ():
        if isinstance(each, Text):
            yield each, "" if without else f"'{each.plain}s'"


def _settings(template: Template) -> Iterator[Property]:
    for each in template.of(Resource).values():
        properties = each.body.get("properties") if each.type == _SETTINGS else None
        yield from properties.properties if isinstance(properties, Fields) else ()


#: Each kind of fault with the check that has to notice it.
_MADE: dict[str, tuple[str, Callable[[Template], _Faults]]] = {
    "misspelt property": ("schemas", lambda template: _misspelt(_bodies(template))),
    "property in another case": ("schemas", _cased),
    "value of another type": ("schemas", _mistyped),
    "unknown type": ("schemas", _types),
    "unknown property read": ("schemas", lambda template: _read(template, Resource)),
    "unknown output read": ("symbols", lambda template: _read(template, Module)),
    "unknown name": ("symbols", _names),
    "unknown function": ("symbols", _functions),
    "module's parameter missing": ("symbols", _not_passed),
    "module's parameter misspelt": ("symbols", lambda template: _misspelt(_passed(template))),
    "module's parameter of another type": ("symbols", _passed_wrongly),
    "parameter without a bound": ("style", _unbounded),
    "other API version": ("policy", _versions),
    "hardening undone": ("policy", _weak),
    "setting that Flex Consumption refuses": ("policy", _denied),
    "wrong id of a role": ("policy", _roles),
    "queue without its twin": ("policy", lambda template: _listed(template, "queues", without=True)),
    "queue with another name": ("drift", lambda template: _listed(template, "queues", without=False)),
    "table missing": ("drift", lambda template: _listed(template, "tables", without=True)),
    "table with another name": ("drift", lambda template: _listed(template, "tables", without=False)),
    "setting missing": ("drift", lambda template: ((each, "") for each in _settings(template))),
    "setting misspelt": ("drift", lambda template: _misspelt(_settings(template))),
}
