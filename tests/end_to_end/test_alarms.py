"""What the worker's lines come to in Azure Monitor: alarms over the log of a host that runs, in peace and then not.

What takes hours, and every alarm's own fault, is tried in virtual time: tests/alarms.
"""

import re
import time
from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from functions_host.events import EventKind
from shared.model.messages import Queue
from tests.alarms.rules import alarms, ringing
from tests.alarms.site import Capture
from tests.alarms.steps import Row
from tests.end_to_end.pipeline import HURRIED, Pipeline, open_pipeline, request_of, wait_until
from tools.events.registry import described

#: A line of the worker's: process, invocation, logger, and what the platform would take for the message.
_LINE = re.compile(r"^\[worker \d+ \S+\] [\w.]+: (.*)$")
#: What the local host itself adds to each line's fields.
_HOSTS_OWN = ',"invocation_id":'
_BEGAN = datetime(2024, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Generator[Pipeline]:
    """A pipeline that has no other tests' troubles."""
    with open_pipeline(tmp_path_factory.mktemp("watched")) as running:
        yield running


def test_alarms_over_a_real_log(watched: Pipeline) -> None:
    """In peace, once gauges were written, nothing rings; then four things go wrong, and four alarms ring for them."""
    asset = watched.serve(b"fine" * 100)
    watched.wait_until_deleted(watched.send(Queue.COPY, request_of(asset).encode()))
    before = ringing(_captured(watched))
    assert watched.invoke("write_gauges")
    in_peace = ringing(_captured(watched))

    _poison(watched)
    _function_errors(watched)
    _run_that_fails(watched)
    _read_once(watched)
    assert watched.invoke("write_gauges")

    assert before == {"app-silent": ["app-silent"]}
    assert in_peace == {}
    assert {name: sorted(each) for name, each in ringing(_captured(watched)).items()} == {
        "poison": ["copy", "discover"],
        "function-errors": ["copy_asset"],
        "run-incomplete": ["asked"],
        "dataset-stale": [HURRIED],
    }
    _check_events(watched)


def _poison(pipeline: Pipeline) -> None:
    """A file that is gone."""
    gone = pipeline.serve(b"", status="404 Not Found")
    pipeline.wait_until_deleted(pipeline.send(Queue.COPY, request_of(gone).encode()))


def _function_errors(pipeline: Pipeline) -> None:
    """A body that always ends early: five deliveries fail, and the message is poison."""
    short = pipeline.serve(b"x" * 500, **{"Content-Length": "1000"})
    pipeline.wait_until_deleted(pipeline.send(Queue.COPY, request_of(short).encode()))


def _run_that_fails(pipeline: Pipeline) -> None:
    """A catalog that is gone."""
    assert pipeline.ask("POST", "datasets/asked/runs")[0] == 202
    wait_until(lambda: _state(pipeline, "asked") == "failed")


def _read_once(pipeline: Pipeline) -> None:
    """A run that is complete, and then a second and more without another."""
    pipeline.publish(HURRIED, [pipeline.serve(b"fine", dataset=HURRIED)])
    assert pipeline.ask("POST", f"datasets/{HURRIED}/runs")[0] == 202
    wait_until(lambda: _state(pipeline, HURRIED) == "complete")
    time.sleep(1.1)


def _state(pipeline: Pipeline, dataset: str) -> str | None:
    _, status = pipeline.ask("GET", f"datasets/{dataset}")
    return status["run"]["state"] if status["run"] else None


def _captured(pipeline: Pipeline) -> Capture:
    """What the platform would have of the host's log so far, all of it within the last minute."""
    tables = {"AppTraces": list(_traces(pipeline)), "AppRequests": list(_requests(pipeline))}
    began = _BEGAN - max(each.window for each in alarms())
    return Capture(began=began, ended=_BEGAN + timedelta(minutes=1), tables=tables)


def _traces(pipeline: Pipeline) -> Iterator[Row]:
    for number, message in enumerate(_messages(pipeline)):
        yield {"TimeGenerated": _BEGAN + timedelta(milliseconds=number), "Message": message}


def _requests(pipeline: Pipeline) -> Iterator[Row]:
    for each in pipeline.host.events():
        if each.kind is EventKind.EXECUTED:
            yield {"TimeGenerated": _BEGAN, "Name": each.function, "Success": each.ok}


def _messages(pipeline: Pipeline) -> Iterator[str]:
    for line in pipeline.host.log.read_text(encoding="utf-8").splitlines():
        if found := _LINE.match(line):
            message, _, rest = found[1].rpartition(_HOSTS_OWN)
            yield f"{message}}}" if message else rest


def _check_events(pipeline: Pipeline) -> None:
    """Every line with an action is an event as docs/events.md has it."""
    seen = 0
    for message in _messages(pipeline):
        found = re.search(r'\{"action":"(\w+)".*\}$', message)
        if found is None:
            continue
        event = described()[found[1]]
        assert message.startswith(f"{event.message} {{"), message
        fields = set(re.findall(r'[{,]"(\w+)":', found[0])) - {"action"}
        assert set(event.fields) <= fields, message
        seen += 1
    assert seen > 10
