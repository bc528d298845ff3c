"""host.json: read, overridden by the environment, checked, and made into values.

Sources: azure-functions-host HostJsonFileConfigurationSource.cs, ScriptJobHostOptionsSetup.cs; azure-sdk-for-net
QueuesOptions.cs, QueuePollingIntervals.cs, SkuUtility.cs; azure-webjobs-sdk SingletonOptions.cs, ConcurrencyOptions.cs.
"""

import datetime as dt
import enum
import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

import pydantic

from functions_host.settings import Settings

_TIME_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,7}))?")
_ONE_MINUTE = dt.timedelta(minutes=1)
_log = logging.getLogger(__name__)


class HostJsonError(ValueError):
    """host.json, or a variable that overrides it, is not valid: the host does not start."""


class Encoding(enum.StrEnum):
    """How a message's text stands in the queue."""

    BASE64 = "base64"
    NONE = "none"


def parse_time_span(text: object) -> object:
    """Read a .NET TimeSpan, ``hh:mm:ss`` or ``d.hh:mm:ss``, with up to seven digits of a second."""
    if not isinstance(text, str):
        return text
    match = _TIME_SPAN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"'{text}' is not a TimeSpan (hh:mm:ss or d.hh:mm:ss)")
    days, hours, minutes, seconds = (int(each or 0) for each in match.groups()[:4])
    if hours > 23 or minutes > 59 or seconds > 59:  # noqa: PLR2004 - a day's hours, an hour's minutes
        # .NET reads "24:00:00" as 24 days, which nobody means.
        raise ValueError(f"'{text}' is not a TimeSpan: a day has 24 hours, write 1.00:00:00")
    microseconds = int((match[5] or "").ljust(7, "0")[:6])
    return dt.timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, microseconds=microseconds)


type TimeSpan = Annotated[dt.timedelta, pydantic.BeforeValidator(parse_time_span)]


class _Section(pydantic.BaseModel):
    # .NET binds names of any case: keys are folded before, and "batchsize" fills batch_size. Unknown keys are ignored.
    model_config = pydantic.ConfigDict(
        frozen=True, extra="ignore", alias_generator=lambda name: name.replace("_", ""), populate_by_name=True
    )


class QueueOptions(_Section):
    """``extensions.queues``."""

    batch_size: Annotated[int, pydantic.Field(ge=1, le=32)] = 16
    #: Where it isn't given: half of batch_size for each processor.
    new_batch_threshold: Annotated[int, pydantic.Field(ge=0)] = 8
    max_polling_interval: Annotated[TimeSpan, pydantic.Field(ge=dt.timedelta(milliseconds=100))] = _ONE_MINUTE
    max_dequeue_count: Annotated[int, pydantic.Field(ge=1)] = 5
    #: The delay before a failed message is tried again; not the lease while it is processed.
    visibility_timeout: TimeSpan = dt.timedelta(0)
    message_encoding: Annotated[Encoding, pydantic.BeforeValidator(lambda value: str(value).lower())] = Encoding.BASE64


class HttpOptions(_Section):
    """``extensions.http``."""

    route_prefix: str = "api"
    #: -1: unlimited.
    max_outstanding_requests: int = -1
    max_concurrent_requests: int = -1
    dynamic_throttles_enabled: bool = False
    custom_headers: Mapping[str, str] = pydantic.Field(default_factory=dict)


class SingletonOptions(_Section):
    """``singleton``: how long locks are held, and how often a host that lost one tries again."""

    lock_period: TimeSpan = dt.timedelta(seconds=15)
    listener_lock_period: Annotated[
        TimeSpan, pydantic.Field(ge=dt.timedelta(seconds=15), le=dt.timedelta(seconds=60))
    ] = _ONE_MINUTE
    lock_acquisition_timeout: TimeSpan | None = None
    lock_acquisition_polling_interval: TimeSpan = dt.timedelta(seconds=5)
    listener_lock_recovery_polling_interval: TimeSpan = _ONE_MINUTE


class _Extensions(_Section):
    queues: QueueOptions = QueueOptions()
    http: HttpOptions = HttpOptions()


class _Concurrency(_Section):
    dynamic_concurrency_enabled: bool = False


def _unlimited(value: object) -> object:
    return None if value in {"-1", -1} else value


class HostJson(_Section):
    """The host's configuration."""

    version: str
    #: ``None``: unlimited ("-1").
    function_timeout: Annotated[TimeSpan | None, pydantic.BeforeValidator(_unlimited)] = dt.timedelta(minutes=30)
    #: The only functions to load; empty: all.
    functions: tuple[str, ...] = ()
    extensions: _Extensions = _Extensions()
    singleton: SingletonOptions = SingletonOptions()
    concurrency: _Concurrency = _Concurrency()

    @property
    def queues(self) -> QueueOptions:
        """``extensions.queues``."""
        return self.extensions.queues

    @property
    def http(self) -> HttpOptions:
        """``extensions.http``."""
        return self.extensions.http

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        if self.version != "2.0":
            raise ValueError(f'unsupported version \'{self.version}\': "version": "2.0" is required')
        if self.function_timeout is not None and self.function_timeout < dt.timedelta(seconds=1):
            raise ValueError("functionTimeout must be at least one second")
        return self


def load_host_json(root: Path, *, settings: Settings, processors: int) -> HostJson:
    """Read host.json; ``AzureFunctionsJobHost__extensions__queues__batchSize=...`` in the settings wins over it.

    Raises:
        HostJsonError: it is not JSON, or something in it is out of its limits.
    """
    content = _read(root / "host.json")
    for path, value in settings.section("AzureFunctionsJobHost").items():
        _override(content, path, value)
    if isinstance(content.get("functions"), dict):
        content["functions"] = tuple(content["functions"].values())
    try:
        host_json = HostJson.model_validate(content)
    except pydantic.ValidationError as error:
        raise HostJsonError(f"host.json is not valid: {_explain(error)}") from error
    if host_json.concurrency.dynamic_concurrency_enabled:
        _log.warning("concurrency.dynamicConcurrencyEnabled is ignored: batchSize and newBatchThreshold hold.")
    queues = _fitted(host_json.queues, settings=settings, processors=processors)
    changes: dict[str, object] = {"extensions": host_json.extensions.model_copy(update={"queues": queues})}
    if settings.consumption_plan:
        changes["function_timeout"] = _consumption_timeout(host_json)
    return host_json.model_copy(update=changes)


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        # The real host would write this file.
        return {"version": "2.0"}
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise HostJsonError(f"Unable to parse host configuration file '{path}': {error}") from error
    if not isinstance(content, dict):
        raise HostJsonError(f"Host configuration file '{path}' is not a JSON object.")
    return _folded(content)


def _folded(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name).casefold(): _folded(inner) for name, inner in value.items()}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - JSON
    return value


def _override(content: dict[str, Any], path: tuple[str, ...], value: str) -> None:
    *folders, name = path
    for folder in folders:
        inner: Any = content.get(folder)
        # A list is overridden by index, as .NET configuration has it.
        if isinstance(inner, list):
            inner = {str(index): each for index, each in enumerate(inner)}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - JSON
        content[folder] = inner if isinstance(inner, dict) else {}
        content = content[folder]
    content[name] = value


def _fitted(queues: QueueOptions, *, settings: Settings, processors: int) -> QueueOptions:
    changes: dict[str, object] = {}
    if "new_batch_threshold" not in queues.model_fields_set:
        changes["new_batch_threshold"] = queues.batch_size // 2 * (1 if settings.consumption_plan else processors)
    if settings.development and queues.max_polling_interval == _ONE_MINUTE:
        changes["max_polling_interval"] = dt.timedelta(seconds=2)
    return queues.model_copy(update=changes)


def _consumption_timeout(host_json: HostJson) -> dt.timedelta:
    if "function_timeout" not in host_json.model_fields_set:
        return dt.timedelta(minutes=5)
    if host_json.function_timeout is None or host_json.function_timeout > dt.timedelta(minutes=10):
        raise HostJsonError("functionTimeout must be between 00:00:01 and 00:10:00 on the Consumption plan")
    return host_json.function_timeout


def _explain(error: pydantic.ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in each['loc']) or 'host.json'}: {each['msg']}" for each in error.errors()
    )
