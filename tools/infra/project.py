"""What the code, its settings and its documents say: the other side of what the templates have to agree with."""

import ast
import dataclasses
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from shared.model.messages import Queue
from shared.model.settings import Settings
from shared.storage import creation, items, runs, shares
from tools.events.registry import described

_IDENTITY = ("credential", "clientId", "blobServiceUri", "queueServiceUri", "tableServiceUri")
_HOST = "AzureWebJobsStorage"
_TELEMETRY = ("APPLICATIONINSIGHTS_CONNECTION_STRING", "APPLICATIONINSIGHTS_AUTHENTICATION_STRING")
_README_ROW = re.compile(r"^\| `(\w+)` \| `([^`]*)` \|", re.MULTILINE)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What the project says about itself."""

    functions: frozenset[str]
    #: Queues that functions listen to.
    listened: frozenset[str]
    queues: frozenset[str]
    tables: frozenset[str]
    #: The containers of pages and of items, and those that the datasets copy into or publish in.
    containers: frozenset[str]
    pages: str
    #: Names of settings: on Azure, where an identity opens storage, and with a connection string, for local use.
    settings: frozenset[str]
    local_settings: frozenset[str]
    sample: Mapping[str, str]
    readme: Mapping[str, str]
    #: The version of Python, by the file that states it.
    pythons: Mapping[str, str]
    function_timeout_seconds: int
    #: What azure.yaml calls the app.
    azd_service: str
    #: The text of each query, by the name of its file.
    queries: Mapping[str, str]
    #: The fields of each event that is logged, by its action.
    events: Mapping[str, frozenset[str]]
    #: What can be linked to in the runbook and in docs/alarms.md, which has a section for each alarm.
    runbook: frozenset[str]
    alarms: frozenset[str]


def read_project(root: Path) -> Project:
    """Read the project in a folder; what is imported is the code of this one."""
    triggers = _triggers(ast.parse((root / "function_app.py").read_text(encoding="utf-8")))
    named = {name for each in triggers.values() for text in each.values() for name in re.findall(r"%(\w+)%", text)}
    connections = {each["connection"] for each in triggers.values() if "connection" in each} | {_HOST}
    read = {str(each.validation_alias) for each in Settings.model_fields.values()}
    sample = json.loads((root / "local.settings.sample.json").read_text(encoding="utf-8"))["Values"]
    host = json.loads((root / "host.json").read_text(encoding="utf-8"))
    pyproject = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    datasets = tomllib.loads((root / "datasets.toml").read_text(encoding="utf-8"))["datasets"]
    return Project(
        functions=frozenset(triggers),
        listened=frozenset(each["queue_name"] for each in triggers.values() if "queue_name" in each),
        queues=frozenset(creation.QUEUES),
        tables=frozenset(creation.TABLES),
        containers=frozenset({runs.CONTAINER, items.CONTAINER, shares.CONTAINER, *_containers(datasets.values())}),
        pages=runs.CONTAINER,
        settings=frozenset(
            {f"{each}__{part}" for each in connections for part in _IDENTITY}
            | named
            | (read - connections)
            | set(_TELEMETRY)
        ),
        local_settings=frozenset({each for each in read if "__" not in each} | named | connections),
        sample=sample,
        readme=dict(_README_ROW.findall((root / "README.md").read_text(encoding="utf-8"))),
        pythons={
            ".python-version": (root / ".python-version").read_text(encoding="utf-8").strip(),
            "pyproject.toml": pyproject["project"]["requires-python"].removeprefix(">="),
        },
        function_timeout_seconds=_seconds(host["functionTimeout"]),
        azd_service=re.findall(r"^services:\n {2}(\w+):", (root / "azure.yaml").read_text("utf-8"), re.MULTILINE)[0],
        queries={each.name: each.read_text("utf-8") for each in sorted((root / "infra" / "queries").glob("*.kql"))},
        events={action: frozenset(each.fields) for action, each in described().items()},
        runbook=frozenset(_anchors(root / "docs" / "runbook.md")),
        alarms=frozenset(_anchors(root / "docs" / "alarms.md")),
    )


def _anchors(document: Path) -> Iterator[str]:
    """What GitHub calls the headings of a document."""
    for heading in re.findall(r"^#+ (.*)$", document.read_text("utf-8"), re.MULTILINE):
        yield re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _containers(datasets: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for each in datasets:
        yield each["destination"]["container"]
        if published := each.get("publish", {}).get("container"):
            yield published


def _triggers(module: ast.Module) -> dict[str, dict[str, str]]:
    """The arguments of every function's decorators, as texts; of a name of a queue, the queue."""
    triggers: dict[str, dict[str, str]] = {}
    for each in module.body:
        calls = [call for call in getattr(each, "decorator_list", []) if isinstance(call, ast.Call)]
        if isinstance(each, ast.AsyncFunctionDef | ast.FunctionDef) and calls:
            arguments = [keyword for call in calls for keyword in call.keywords if keyword.arg]
            triggers[each.name] = {str(keyword.arg): _text(keyword.value) for keyword in arguments}
    return triggers


def _text(node: ast.expr) -> str:
    written = ast.unparse(node)
    if queue := re.fullmatch(r"Queue\.(\w+)\.value", written):
        return Queue[queue[1]].value
    return str(node.value) if isinstance(node, ast.Constant) else written


def _seconds(time: str) -> int:
    hours, minutes, seconds = (int(each) for each in time.split(":"))
    return hours * 3600 + minutes * 60 + seconds
