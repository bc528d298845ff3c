"""Checks what a template has to say and may not: hardening, Flex Consumption, roles, versions, poison, secrets."""

import re
from collections.abc import Iterable, Iterator

from tools.infra.deployment import Deployed
from tools.infra.findings import Finding
from tools.infra.rules import rules
from tools.infra.scopes import dig, leaves, properties_of, value_of
from tools.infra.syntax import Call, Fields, Member, Name, Node, Output, Parameter, Template, Text, walk

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SECRETS = frozenset(
    {"ConnectionString", "InstrumentationKey", "customerKey", "keys", "primaryKey", "primaryMasterKey"}
)


def check_deployed(resources: Iterable[Deployed]) -> Iterator[Finding]:
    """Find weak, refused and missing parts of what is deployed."""
    all_resources = list(resources)
    for each in all_resources:
        rule = rules().resources.get(each.type)
        if rule and each.resource.version not in (rule.version, None):
            yield _finding(each, each.resource.type_text, "API version", f"{each.type} is pinned to {rule.version}")
        if not each.resource.existing:
            yield from _hardening(each)
            yield from _flex(each)
    yield from _poison(all_resources)
    yield from _endpoints(all_resources)


def check_contents(template: Template) -> Iterator[Finding]:
    """Find secrets in outputs, and ids of roles that aren't what they are called."""
    for output in template.of(Output).values():
        for each in walk(output):
            if _is_secret(each, template):
                yield _in_template(template, each, "secret output", f"{output.name} tells a secret to whoever reads it")
    by_name = {_squeezed(name): guid for name, guid in rules().roles.items()}
    for each in template.expressions:
        if isinstance(each, Fields):
            for entry in each.properties:
                text = entry.value.plain if isinstance(entry.value, Text) else None
                right = by_name.get(_squeezed(entry.name or ""))
                if text and text != right and (right or _GUID.fullmatch(text)):
                    yield _in_template(template, entry, "role id", f"{entry.name} is not the role {text}")
        elif isinstance(each, Text) and _GUID.fullmatch(each.plain or "") and each.plain not in rules().roles.values():
            yield _in_template(template, each, "role id", f"{each.plain} is no role that is known here")


def _squeezed(name: str) -> str:
    return name.replace(" ", "").lower()


def _hardening(each: Deployed) -> Iterator[Finding]:
    for path, allowed in rules().hardening.get(each.type, {}).items():
        bound = each.at(path)
        if bound is None:
            yield _finding(each, each.resource, "hardening", f"{path} has to be {allowed[0]}")
            continue
        for leaf in leaves(bound):
            if value_of(leaf) not in allowed:
                yield _finding(each, bound.expression, "hardening", f"{path} has to be {allowed[0]}")


def _flex(each: Deployed) -> Iterator[Finding]:
    for path, denied in rules().denied.items() if each.type.startswith("Microsoft.Web/") else ():
        bound = each.at(path)
        for entry in properties_of(bound) if bound else ():
            if (entry.name or "").lower() in {name.lower() for name in denied}:
                yield _finding(each, entry, "Flex Consumption", f"{entry.name} can't be used on this plan")


def _poison(resources: list[Deployed]) -> Iterator[Finding]:
    queues = {each.name: each for each in resources if each.type.endswith("/queues")}
    for name, each in queues.items():
        twin = name.removesuffix("-poison") if name.endswith("-poison") else f"{name}-poison"
        if twin not in queues:
            yield _finding(each, each.resource, "poison", f"{name.rpartition('/')[2]} has no {twin.rpartition('/')[2]}")


def _endpoints(resources: list[Deployed]) -> Iterator[Finding]:
    """An account that is closed needs all three: a name without an endpoint resolves to an address that is closed."""
    found: dict[str, set[str]] = {}
    first: dict[str, Deployed] = {}
    for each in resources:
        bound = each.at("properties.privateLinkServiceConnections")
        connections = value_of(bound) if bound else None
        for connection in connections if isinstance(connections, list) else ():
            target = str(dig(connection, "properties.privateLinkServiceId"))
            groups = dig(connection, "properties.groupIds")
            found.setdefault(target, set()).update(map(str, groups if isinstance(groups, list) else ()))
            first.setdefault(target, each)
    for target, services in found.items():
        if missing := {"blob", "queue", "table"} - services:
            message = f"{target} has none for {', '.join(sorted(missing))}"
            yield _finding(first[target], first[target].resource, "private endpoints", message)


def _is_secret(node: Node, template: Template) -> bool:
    match node:
        case Member(name=name):
            return name in _SECRETS
        case Call(name=name):
            return name.startswith("list") or name == "getSecret"
        case Name(name=name) if name in template.of(Parameter):
            return "secure" in template.of(Parameter)[name].decorators
        case _:
            return False


def _finding(each: Deployed, at: Node, rule: str, message: str) -> Finding:
    return _in_template(each.scope.template, at, rule, message)


def _in_template(template: Template, at: Node, rule: str, message: str) -> Finding:
    return Finding(path=template.path, line=at.line, rule=f"policy: {rule}", message=message)
