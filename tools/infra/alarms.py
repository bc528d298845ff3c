"""Checks that alarms ask for what the app logs, and lead to what an operator does about it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tools.infra.deployment import Deployed
from tools.infra.findings import Finding
from tools.infra.project import Project
from tools.infra.scopes import Bound, dig, items_of, resolve, value_of
from tools.infra.syntax import Call, Expression, Text, walk

_RULES = "Microsoft.Insights/scheduledQueryRules"
#: The members of every event that aren't its own.
_ALWAYS = frozenset({"action"})


def check_alarms(resources: Iterable[Deployed], project: Project) -> Iterator[Finding]:
    """Find alarms without a query, a section in the runbook or one in docs/alarms.md; and what no event has."""
    rules = [each for each in resources if each.type == _RULES]
    loaded = {name for each in rules for name in _loaded(each)}
    for each in rules:
        yield from _alarm(each, project)
    for name in sorted(project.queries.keys() - loaded) if rules else ():
        yield Finding(path=Path("infra/queries", name), line=1, rule="drift: query", message="no template reads it")
    for name, text in project.queries.items():
        for message in _unknown(text, project.events):
            yield Finding(path=Path("infra/queries", name), line=1, rule="drift: query", message=message)


def _loaded(resource: Deployed) -> Iterator[str]:
    """The queries that the file of a resource reads."""
    for each in resource.scope.template.expressions:
        if query := _file(each):
            yield query


def _alarm(alarm: Deployed, project: Project) -> Iterator[Finding]:
    described = alarm.at("properties.description")
    text = value_of(described) if described else ""
    anchor = re.search(r"docs/runbook\.md#([\w-]+)$", str(text))
    if anchor is None or anchor[1] not in project.runbook:
        yield _finding(
            described or alarm.body, "runbook", f"the description leads to no section of the runbook: {text}"
        )
    name = alarm.name.rpartition("}-")[2]
    title = str(value_of(named)) if (named := alarm.at("properties.displayName")) else ""
    section = re.sub(r"[^\w -]", "", title.removeprefix("Sluice: ").lower()).replace(" ", "-")
    if section not in project.alarms:
        yield _finding(named or alarm.body, "alarms.md", f"docs/alarms.md has no section for {name}: {title}")
    yield from _criteria(alarm, name, project)


def _criteria(alarm: Deployed, name: str, project: Project) -> Iterator[Finding]:
    criteria = items_of(found) if (found := alarm.at("properties.criteria.allOf")) else None
    for each in criteria or ():
        query = _query_of(each)
        if query is None or query != f"{name}.kql" or query not in project.queries:
            yield _finding(each, "query", f"the alarm {name} has the query of {query or 'nothing'}")
            continue
        for dimension in _dimensions(each):
            if not re.search(rf"^\| (?:project|summarize) .*\b{dimension}\b", project.queries[query], re.MULTILINE):
                yield _finding(each, "query", f"{query} has no column {dimension} to tell alarms of {name} apart by")


def _query_of(criterion: Bound) -> str | None:
    """The file of a criterion's query."""
    reached = (resolve(criterion.scope.bind(node)).expression for node in walk(criterion.expression))
    return next(filter(None, map(_file, reached)), None)


def _file(expression: Expression) -> str | None:
    """The name of the file that an expression reads."""
    match expression:
        case Call(name="loadTextContent", arguments=(Text(plain=str(path)), *_)):
            return path.rpartition("/")[2]
        case _:
            return None


def _dimensions(criterion: Bound) -> Iterator[str]:
    found = dig(value_of(criterion), "dimensions")
    for each in found if isinstance(found, list) else ():
        if name := dig(each, "name"):
            yield str(name)


def _unknown(query: str, events: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """What a query asks of events that they don't have."""
    compared = re.findall(r"tostring\(Event\.action\) (?:==|in) (.*)$", query, re.MULTILINE)
    named = {name for each in compared for name in re.findall(r"'(\w+)'", each)}
    yield from (f"no event has the action {name}" for name in sorted(named - events.keys()))
    fields = _ALWAYS.union(*(events.get(name, frozenset()) for name in named))
    yield from (f"no such event has {each}" for each in sorted(set(re.findall(r"Event\.(\w+)", query)) - fields))


def _finding(at: Bound, rule: str, message: str) -> Finding:
    return Finding(path=at.scope.template.path, line=at.expression.line, rule=f"drift: {rule}", message=message)
