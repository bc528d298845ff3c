"""Checks that the templates say the same as the code, its settings and its documents."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from shared.model.settings import Settings
from tools.infra.deployment import Deployed
from tools.infra.findings import Finding
from tools.infra.project import Project
from tools.infra.rules import rules
from tools.infra.scopes import (
    Bound,
    Runtime,
    Scope,
    Value,
    dig,
    items_of,
    properties_of,
    resolve,
    resource_named,
    value_of,
)
from tools.infra.syntax import Call, Expression, Fields, Member, Name, walk

_ACCOUNT = "Microsoft.Storage/storageAccounts"
#: The connection to the account with queues, tables and assets.
_DATA = "SluiceStorage"
#: Settings whose value on Azure is another than the sample's, and what it has to be, where that can be said.
_OTHER_ON_AZURE = {
    "STORAGE_CREATE_MISSING": "false",
    "DISCOVER_INSTANCES": None,
    "COPY_MEMORY_MIB": None,
    "COPY_BLOCK_CHECK": "crc64",
}
_ONLY_LOCAL = frozenset({"FUNCTIONS_WORKER_RUNTIME"})
_PARTS = (
    _ACCOUNT,
    f"{_ACCOUNT}/blobServices/containers",
    f"{_ACCOUNT}/queueServices/queues",
    "Microsoft.Authorization/roleAssignments",
    "Microsoft.Insights/scheduledQueryRules",
    "Microsoft.Web/sites",
    "Microsoft.Web/sites/config",
)
_README = Path("README.md")
_SAMPLE = Path("local.settings.sample.json")


def check_drift(resources: Iterable[Deployed], project: Project) -> Iterator[Finding]:
    """Find where the templates and the rest of the project disagree."""
    made = [each for each in resources if not each.resource.existing]
    first = {each.type: each for each in reversed(made)}
    if missing := [each for each in _PARTS if each not in first]:
        message = f"nothing makes {', '.join(missing)}"
        yield Finding(path=Path("infra"), line=1, rule="drift: part missing", message=message)
        return
    site, settings = first["Microsoft.Web/sites"], first["Microsoft.Web/sites/config"]
    yield from _storage(made, project)
    yield from _settings(settings, project, data=_data_account(made))
    yield from _documents(project)
    yield from _scale(site, settings, project)
    yield from _roles(made)
    runtime = value_of(site.at("properties.functionAppConfig.runtime.version") or site.body)
    for file, version in project.pythons.items():
        if runtime != version:
            yield _finding(site.body, "Python", f"the app runs Python {runtime}, {file} says {version}")


def _storage(made: list[Deployed], project: Project) -> Iterator[Finding]:
    """Compare what the account with the queues has in it with what the code needs there."""
    data = _data_account(made)
    listened = {name for each in project.listened for name in (each, f"{each}-poison")}
    for what, wanted in (
        ("queue", project.queues | listened),
        ("table", project.tables),
        ("container", project.containers),
    ):
        inside = (each for each in made if each.type.endswith(f"/{what}s") and _account(each) == data)
        found = {each.name.rpartition("/")[2]: each for each in inside}
        for name in sorted(wanted - found.keys()):
            yield _finding(made[0].body, what, f"the code or datasets.toml needs the {what} {name}")
        # A container more than datasets.toml names is for a dataset to come.
        for name in sorted(found.keys() - wanted) if what != "container" else ():
            yield _finding(found[name].body, what, f"the code knows no {what} {name}")
    if not any(_deletes(each, f"{project.pages}/") for each in made if each.type.endswith("/managementPolicies")):
        yield _finding(made[0].body, "lifecycle", f"nothing deletes old blobs of the container {project.pages}")


def _data_account(made: Iterable[Deployed]) -> str:
    return next(_account(each) for each in made if each.type.endswith("/queues"))


def _account(each: Deployed) -> str:
    return each.name.split("/", maxsplit=1)[0]


def _deletes(policy: Deployed, prefix: str) -> bool:
    written = policy.at("properties.policy.rules")
    values = [value_of(each) for each in items_of(written) or ()] if written else []
    return any(
        dig(each, "definition.filters.prefixMatch") == [prefix] and dig(each, "definition.actions.baseBlob.delete")
        for each in values
    )


def _settings(settings: Deployed, project: Project, *, data: str) -> Iterator[Finding]:
    written = settings.at("properties")
    assert written is not None
    written = resolve(written)
    if not isinstance(written.expression, Fields):
        yield _finding(written, "unknown setting", "what the templates set by themselves can't be told")
        return
    bounds = {each.name or "": settings.scope.bind(each.value) for each in written.expression.properties}
    values = {name: value_of(bound) for name, bound in bounds.items()}
    for name in sorted(project.settings - values.keys()):
        yield _finding(written, "missing setting", f"the code reads {name}")
    for name in sorted(values.keys() - project.settings):
        yield _finding(bounds[name], "unknown setting", f"the code doesn't read {name}")
    for name in sorted(values.keys() & project.sample.keys()):
        wanted = _OTHER_ON_AZURE.get(name, project.sample[name])
        # What somebody chose in the .bicepparam file may differ; what the templates say by themselves may not.
        is_chosen = resolve(bounds[name]).scope.template.path.suffix == ".bicepparam"
        if wanted is not None and values[name] != wanted and not is_chosen:
            yield _finding(bounds[name], "setting's value", f"{name} should be {wanted}, not {values[name]}")
    for name, bound in bounds.items():
        yield from _endpoint(name, bound, data)
    yield from _valid(settings, bounds=bounds, values=values, project=project)


def _endpoint(name: str, bound: Bound, data: str) -> Iterator[Finding]:
    """Compare an address with its setting's name: ``account.properties.primaryEndpoints.blob``."""
    connection, _, part = name.partition("__")
    expression = bound.expression
    if part.endswith("ServiceUri") and isinstance(expression, Member):
        root = next(each for each in walk(expression) if isinstance(each, Name))
        is_data = _name_of(bound.scope, root) == data
        if f"{expression.name}ServiceUri" != part or is_data != (connection == _DATA):
            yield _finding(bound, "setting's value", f"{name} is the address of another account or service")


def _valid(
    settings: Deployed, *, bounds: Mapping[str, Bound], values: Mapping[str, Value], project: Project
) -> Iterator[Finding]:
    """The values have to pass the code's own checks."""
    filled = {name: "https://known.later" if isinstance(value, Runtime) else value for name, value in values.items()}
    try:
        read = Settings.model_validate(filled)
    except ValidationError as error:
        for each in error.errors():
            name = str(each["loc"][0]) if each["loc"] else "the settings"
            yield _finding(bounds.get(name, settings.body), "setting's value", f"{name}: {each['msg']}")
        return
    if read.deadline_seconds >= project.function_timeout_seconds:
        message = f"COPY_DEADLINE_SECONDS has to stay under functionTimeout, {project.function_timeout_seconds} s"
        yield _finding(settings.body, "setting's value", message)


def _documents(project: Project) -> Iterator[Finding]:
    for file, found in ((_SAMPLE, project.sample), (_README, project.readme)):
        names = found.keys() - _ONLY_LOCAL
        for name in sorted(project.local_settings - names):
            yield Finding(path=file, line=1, rule="drift: documents", message=f"{name} is missing")
        for name in sorted(names - project.local_settings):
            yield Finding(path=file, line=1, rule="drift: documents", message=f"the code doesn't read {name}")
    for name in sorted(project.sample.keys() & project.readme.keys()):
        if project.sample[name] != project.readme[name]:
            message = f"{name} is {project.readme[name]}, in {_SAMPLE} {project.sample[name]}"
            yield Finding(path=_README, line=1, rule="drift: documents", message=message)


def _scale(site: Deployed, settings: Deployed, project: Project) -> Iterator[Finding]:
    maximum = site.at("properties.functionAppConfig.scaleAndConcurrency.maximumInstanceCount")
    counted = settings.at("properties.DISCOVER_INSTANCES")
    if maximum and counted and _origin(maximum) != _origin(counted):
        yield _finding(counted, "instances", "DISCOVER_INSTANCES and maximumInstanceCount need one parameter")
    ready = site.at("properties.functionAppConfig.scaleAndConcurrency.alwaysReady")
    groups = [str(value_of(each)) for each in items_of(ready) or ()] if ready else []
    for name in re.findall(r"function:(\w+)", " ".join(groups)):
        if name not in project.functions:
            yield _finding(ready or site.body, "function", f"there is no function {name}")
    tags = site.at("tags")
    named = {each.name: each.value for each in properties_of(tags)} if tags else {}
    tag = named.get("azd-service-name")
    if tag is None or value_of(site.scope.bind(tag)) != project.azd_service:
        yield _finding(site.body, "azd", f"azd finds the app by its tag azd-service-name: {project.azd_service}")


def _origin(bound: Bound) -> tuple[Path, int]:
    """Where a value, or the one that is made a string of, is written in the end."""
    reached = resolve(bound)
    if isinstance(reached.expression, Call) and reached.expression.name == "string":
        reached = resolve(reached.scope.bind(reached.expression.arguments[0]))
    return reached.scope.template.path, reached.expression.start


def _roles(made: list[Deployed]) -> Iterator[Finding]:
    """Compare the app's roles with what it does: on the account with the queues, on the other one, on the component."""
    assignments = [each for each in made if each.type == "Microsoft.Authorization/roleAssignments"]
    data = _data_account(made)
    found: dict[str, set[str]] = {each: set() for each in rules().app_roles}
    for each in assignments:
        kind = each.at("properties.principalType")
        if kind and value_of(kind) == "ServicePrincipal":
            found[_place(each, data)].add(_role(each))
    for what, needed in rules().app_roles.items():
        for role in sorted(needed ^ found[what]):
            message = f"on the {what} the app {'needs' if role in needed else 'does not need'} {role}"
            yield _finding(assignments[0].body, "role", message)


def _place(assignment: Deployed, data: str) -> str:
    written = assignment.at("scope")
    resource = resource_named(assignment.scope, written.expression) if written else None
    if written is None or resource is None or resource.type != _ACCOUNT:
        return "component"
    return "data account" if _name_of(assignment.scope, written.expression) == data else "host account"


def _name_of(scope: Scope, expression: Expression) -> Value:
    """The name of a resource that an expression names."""
    resource = resource_named(scope, expression)
    name = resource.body.get("name") if resource else None
    return value_of(scope.bind(name)) if name else None


def _role(assignment: Deployed) -> str:
    """The name of the role; its id where that isn't known."""
    written = assignment.at("properties.roleDefinitionId")
    call = resolve(written) if written else None
    last = call.expression.arguments[-1] if call and isinstance(call.expression, Call) else None
    guid = str(value_of(call.scope.bind(last))) if call and last else ""
    return next((name for name, known in rules().roles.items() if known == guid), guid)


def _finding(at: Bound, rule: str, message: str) -> Finding:
    return Finding(path=at.scope.template.path, line=at.expression.line, rule=f"drift: {rule}", message=message)
