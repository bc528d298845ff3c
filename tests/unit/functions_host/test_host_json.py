import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from functions_host.host_json import Encoding, HostJson, HostJsonError, QueueOptions, load_host_json, parse_time_span
from functions_host.settings import Settings


def load(root: Path, content: object, *, processors: int = 4, environment: Mapping[str, str] | None = None) -> HostJson:
    (root / "host.json").write_text(json.dumps(content), encoding="utf-8")
    return load_host_json(root, settings=Settings(environment=environment or {}), processors=processors)


def test_defaults(tmp_path: Path) -> None:
    """Every default of the queue, HTTP and singleton sections, and a functionTimeout of 30 min."""
    found = load(tmp_path, {"version": "2.0"})

    assert found.queues == QueueOptions(
        batch_size=16,
        new_batch_threshold=32,
        max_polling_interval=dt.timedelta(minutes=1),
        max_dequeue_count=5,
        visibility_timeout=dt.timedelta(0),
        message_encoding=Encoding.BASE64,
    )
    assert (found.http.route_prefix, found.http.max_concurrent_requests) == ("api", -1)
    assert found.singleton.listener_lock_period == dt.timedelta(seconds=60)
    assert found.function_timeout == dt.timedelta(minutes=30)


def test_everything_set_and_names_in_any_case(tmp_path: Path) -> None:
    """'Names are case-insensitive'; unknown keys are ignored silently."""
    queues = {
        "BATCHSIZE": 4,
        "newBatchThreshold": 0,
        "maxPollingInterval": "00:00:00.5",
        "maxDequeueCount": 2,
        "visibilityTimeout": "1.00:00:30",
        "messageEncoding": "None",
        "unknown": 1,
    }

    found = load(tmp_path, {"version": "2.0", "functionTimeout": "-1", "unknown": {}, "extensions": {"Queues": queues}})

    assert found.function_timeout is None
    assert found.queues == QueueOptions(
        batch_size=4,
        new_batch_threshold=0,
        max_polling_interval=dt.timedelta(milliseconds=500),
        max_dequeue_count=2,
        visibility_timeout=dt.timedelta(days=1, seconds=30),
        message_encoding=Encoding.NONE,
    )


@pytest.mark.parametrize(
    ("batch_size", "processors", "environment", "expected"),
    [
        (16, 1, {}, 8),
        (5, 2, {}, 4),
        (1, 8, {}, 0),
        (16, 8, {"WEBSITE_SKU": "Dynamic"}, 8),
    ],
)
def test_threshold_follows_batch_size(
    tmp_path: Path, batch_size: int, processors: int, environment: dict[str, str], expected: int
) -> None:
    """'(batchSize/2, integer) x processorCount; processorCount is 1 on Consumption (WEBSITE_SKU=Dynamic)'."""
    content = {"version": "2.0", "extensions": {"queues": {"batchSize": batch_size}}}

    assert (
        load(tmp_path, content, processors=processors, environment=environment).queues.new_batch_threshold == expected
    )


@pytest.mark.parametrize(
    ("interval", "environment", "seconds"),
    [
        ("00:01:00", {"AZURE_FUNCTIONS_ENVIRONMENT": "Development"}, 2),
        ("00:00:59", {"AZURE_FUNCTIONS_ENVIRONMENT": "Development"}, 59),
        ("00:01:00", {}, 60),
    ],
)
def test_polling_interval_in_development(
    tmp_path: Path, interval: str, environment: dict[str, str], seconds: int
) -> None:
    """'becomes 00:00:02 when the environment is Development and the value is exactly 1 min'."""
    content = {"version": "2.0", "extensions": {"queues": {"maxPollingInterval": interval}}}

    found = load(tmp_path, content, environment=environment)

    assert found.queues.max_polling_interval == dt.timedelta(seconds=seconds)


def test_environment_beats_the_file(tmp_path: Path) -> None:
    """'Environment beats host.json: `AzureFunctionsJobHost__extensions__queues__batchSize=...`'."""
    content = {"version": "2.0", "functions": ["a", "b"], "extensions": {"queues": {"batchSize": 3}}}

    found = load(
        tmp_path,
        content,
        environment={
            "AzureFunctionsJobHost__extensions__queues__batchSize": "7",
            "AzureFunctionsJobHost__extensions__http__routePrefix": "",
            "AzureFunctionsJobHost__functions__0": "c",
        },
    )

    assert (found.queues.batch_size, found.queues.new_batch_threshold) == (7, 12)
    assert found.http.route_prefix == ""
    assert found.functions == ("c", "b")


@pytest.mark.parametrize(
    "queues",
    [
        {"batchSize": 0},
        {"batchSize": 33},
        {"newBatchThreshold": -1},
        {"maxPollingInterval": "00:00:00.0999"},
        {"maxDequeueCount": 0},
        {"visibilityTimeout": "30"},
        {"messageEncoding": "utf8"},
    ],
)
def test_queue_limits(tmp_path: Path, queues: object) -> None:
    """'1..32, else ArgumentOutOfRange: the host fails to start', and the other limits alike."""
    with pytest.raises(HostJsonError):
        load(tmp_path, {"version": "2.0", "extensions": {"queues": queues}})


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({}, id="'version' is required"),
        pytest.param({"version": "1.0"}, id="only 2.0"),
        pytest.param({"version": "2.0", "functionTimeout": "00:00:00.5"}, id="at least 1 s"),
        pytest.param({"version": "2.0", "singleton": {"listenerLockPeriod": "00:00:14"}}, id="15-60 s"),
        pytest.param({"version": "2.0", "extensions": []}, id="sections are objects"),
        pytest.param([], id="an object"),
    ],
)
def test_refused_files(tmp_path: Path, content: object) -> None:
    """'`version` "2.0" is *required* (else HostConfigurationException)', and what else keeps a host from starting."""
    with pytest.raises(HostJsonError):
        load(tmp_path, content)


def test_file_that_is_not_json(tmp_path: Path) -> None:
    """A host.json that is not JSON keeps the host from starting."""
    (tmp_path / "host.json").write_text("{", encoding="utf-8")

    with pytest.raises(HostJsonError):
        load_host_json(tmp_path, settings=Settings(environment={}), processors=1)


def test_no_file(tmp_path: Path) -> None:
    """A missing host.json stands for one without settings."""
    assert load_host_json(tmp_path, settings=Settings(environment={}), processors=4) == load(
        tmp_path, {"version": "2.0"}
    )


@pytest.mark.parametrize(
    ("content", "minutes"),
    [({"version": "2.0"}, 5), ({"version": "2.0", "functionTimeout": "00:10:00"}, 10)],
)
def test_timeout_on_consumption(tmp_path: Path, content: object, minutes: int) -> None:
    """'default 5 min on Consumption (max 10)'."""
    assert load(tmp_path, content, environment={"WEBSITE_SKU": "Dynamic"}).function_timeout == dt.timedelta(
        minutes=minutes
    )


@pytest.mark.parametrize("timeout", ["-1", "00:10:01"])
def test_too_long_a_timeout_on_consumption(tmp_path: Path, timeout: str) -> None:
    """'"-1" = unlimited (not on Consumption)'."""
    with pytest.raises(HostJsonError):
        load(tmp_path, {"version": "2.0", "functionTimeout": timeout}, environment={"WEBSITE_SKU": "Dynamic"})


def test_dynamic_concurrency_is_ignored(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """'functions_host accepts it with a warning and ignores it'."""
    load(tmp_path, {"version": "2.0", "concurrency": {"dynamicConcurrencyEnabled": True}})

    assert caplog.messages == [
        "concurrency.dynamicConcurrencyEnabled is ignored: batchSize and newBatchThreshold hold."
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("01:02:03", dt.timedelta(hours=1, minutes=2, seconds=3)),
        ("2.00:00:01", dt.timedelta(days=2, seconds=1)),
        ("00:00:00.1234567", dt.timedelta(microseconds=123456)),
    ],
)
def test_time_spans(text: str, expected: dt.timedelta) -> None:
    """'TimeSpans are "hh:mm:ss" or "d.hh:mm:ss"'."""
    assert parse_time_span(text) == expected


@pytest.mark.parametrize("text", ["5", "24:00:00", "00:60:00", "00:00:60", "1 day", "-00:00:01"])
def test_not_time_spans(text: str) -> None:
    """Anything else is refused; .NET would read 24:00:00 as 24 days."""
    with pytest.raises(ValueError, match="is not a TimeSpan"):
        parse_time_span(text)
