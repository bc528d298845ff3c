"""What stands in the files of an app's folder: settings, datasets, secrets and host.json, each looked at by itself."""

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from shared.catalogs.kinds import KINDS
from shared.doctor import Finding, Health
from shared.model.datasets import load_datasets
from shared.model.errors import DatasetsInvalidError
from shared.model.kinds import define
from shared.model.settings import HostQueues, Settings, read_secrets
from sluice.session import Place, UsageError, adopt_settings

#: Below it the platform, which scales by visible messages, takes instances away that discovery counts on.
_LOW_SATURATION = 1.5
#: What the host has to have left when a copy ends at its deadline.
_SPARE = timedelta(minutes=1)
_UNLIMITED = "-1"


def of_configuration(place: Place) -> Iterator[Finding]:
    """Everything that is stated before anything is opened; puts the settings' file into the environment."""
    try:
        adopt_settings(place)
    except UsageError as error:
        yield _problem("local.settings.json", str(error), mend="correct it, by local.settings.sample.json")
        return
    settings = None
    try:
        settings = Settings()
    except ValidationError as error:
        for each in error.errors(include_url=False, include_context=False, include_input=False):
            check = f"setting {'.'.join(map(str, each['loc']))}" if each["loc"] else "settings"
            yield _problem(
                check,
                each["msg"].removeprefix("Value error, "),
                mend="see README, Settings; or name an account by --account",
            )
    if settings is not None:
        yield from _of_settings(settings)
        yield from _of_datasets(place.folder / settings.datasets_file, is_local=settings.storage_connection is not None)
    yield from _of_host(place.folder / "host.json", settings)


def _of_settings(settings: Settings) -> Iterator[Finding]:
    yield _ok("settings", f"all {len(Settings.model_fields)} are within their bounds")
    check, saturation = "setting DISCOVER_SATURATION", settings.saturation
    if saturation == 0:
        yield _problem(check, "it is 0, which pauses discovery of all datasets", mend="set it to 1.5")
    elif saturation < _LOW_SATURATION:
        told = f"it is {saturation}: too few messages are visible to the platform, which scales by them"
        yield _problem(check, told, mend=f"set it to {_LOW_SATURATION} or more")


def _of_datasets(path: Path, *, is_local: bool) -> Iterator[Finding]:
    define(KINDS)
    try:
        datasets = load_datasets(path)
    except DatasetsInvalidError as error:
        yield _problem(
            path.name, str(error), mend="correct what is named; the comments in datasets.toml show an example"
        )
        return
    yield _ok(path.name, f"{len(datasets.datasets)} datasets")
    for field, setting in datasets.secrets.items():
        try:
            read_secrets({field: setting})
        except DatasetsInvalidError as error:
            told = str(error).splitlines()[-1].strip()
            # On Azure it is the app that has them, and whoever looks from here has no need to.
            health = Health.PROBLEM if is_local else Health.NOTE
            yield Finding(health=health, check=f"setting {setting}", told=told, mend="set it where the app runs")
        else:
            yield _ok(f"setting {setting}", f"there, for {field}")


def _of_host(path: Path, settings: Settings | None) -> Iterator[Finding]:
    try:
        host = HostQueues.read(path)
        document: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        yield _problem("host.json", _first_line(error), mend="take the one of the project; --app names another folder")
        return
    yield _ok("host.json", f"an instance works {host.concurrency} messages of a queue at once")
    encoding = _stated(document, "extensions", "queues", "messageEncoding") or "base64"
    if encoding.lower() != "base64":
        told = f"messageEncoding is {encoding}: functions would get our messages undecoded, and all became poison"
        yield _problem("host.json", told, mend="set it to base64, and deploy")
    if host.max_dequeue_count == 1:
        told = "maxDequeueCount is 1: a copy is poison once an instance was taken away under it"
        yield _problem("host.json", told, mend="set it to 5")
    if not _time(_stated(document, "extensions", "queues", "visibilityTimeout") or "00:00:00"):
        told = "visibilityTimeout is 0: all attempts at an asset are over within seconds"
        yield _problem("host.json", told, mend="set it to 00:00:30")
    timeout = _stated(document, "functionTimeout") or "00:30:00"
    deadline = timedelta(seconds=settings.deadline_seconds) if settings else timedelta(0)
    if timeout != _UNLIMITED and _time(timeout) < deadline + _SPARE:
        told = f"functionTimeout is {timeout}, and a copy may take COPY_DEADLINE_SECONDS, {deadline}"
        yield _problem("host.json", told, mend=f"let at least {_SPARE} lie between them")


def _stated(document: Any, *names: str) -> str | None:
    """A value of host.json; the environment beats the file, as it does for the host."""
    if given := os.environ.get("__".join(("AzureFunctionsJobHost", *names))):
        return given
    for name in names:
        document = cast("dict[str, Any]", document).get(name) if isinstance(document, dict) else None
    return None if document is None else str(document)


def _time(text: str) -> timedelta:
    """As .NET writes a time, without days: nothing where it isn't one."""
    parts = text.split(":")
    try:
        hours, minutes, seconds = (float(each) for each in parts)
    except ValueError:
        return timedelta(0)
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error)


def _ok(check: str, told: str) -> Finding:
    return Finding(health=Health.OK, check=check, told=told)


def _problem(check: str, told: str, *, mend: str) -> Finding:
    return Finding(health=Health.PROBLEM, check=check, told=told, mend=mend)
