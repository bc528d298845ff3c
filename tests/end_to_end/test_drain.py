"""A host that is told to stop while copies run."""

import asyncio
import os
import signal
import time
from pathlib import Path

from functions_host.events import EventKind
from shared.model.messages import Queue
from tests.end_to_end.exchanges import Exchange
from tests.end_to_end.pipeline import Pipeline, open_pipeline, request_of, wait_until
from tests.end_to_end.wire import Moment

#: More than a host holds at once: a batch of 16, and 8 more.
_REQUESTS = 32


def test_drain(tmp_path: Path) -> None:
    """A host that gets SIGTERM ends soon with what it holds done; the next one does the rest; nothing is done twice."""
    with open_pipeline(tmp_path) as pipeline:
        assets = [pipeline.serve(os.urandom(100)) for _ in range(_REQUESTS)]

        with pipeline.wire.hook(_writes_blob, moment=Moment.ARRIVED, nth=None, call=_wait) as writing:
            for each in assets:
                pipeline.send(Queue.COPY, request_of(each).encode())
            assert writing.fired.wait(20)
            began = time.monotonic()
            os.kill(pipeline.host.pid, signal.SIGTERM)
            wait_until(lambda: _stopped(pipeline))
            took_seconds = time.monotonic() - began
        done_before = len(pipeline.rows(*assets))
        with pipeline.restarted() as after:
            wait_until(lambda: len(after.rows(*assets)) == _REQUESTS and after.outstanding() == 0)

        ran = [each for host in (pipeline, after) for each in host.host.events() if each.kind is EventKind.EXECUTING]
        assert took_seconds < 12
        assert 0 < done_before < _REQUESTS
        assert [each.dequeue_count for each in ran if each.queue == Queue.COPY] == [1] * _REQUESTS
        assert [len(pipeline.commits(each)) for each in assets] == [1] * _REQUESTS


def _writes_blob(exchange: Exchange) -> bool:
    return exchange.is_commit and exchange.path.startswith("assets/")


async def _wait() -> None:
    await asyncio.sleep(1)


def _stopped(pipeline: Pipeline) -> bool:
    return any(each.kind is EventKind.HOST_STOPPED for each in pipeline.host.events())
