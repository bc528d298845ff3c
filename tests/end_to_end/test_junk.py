"""What doesn't belong on a queue ends in that queue's poison queue, and disturbs nobody."""

import base64
import random
from collections.abc import Mapping

import pytest

from shared.model.assets import Asset
from shared.model.messages import LANES, MAX_MESSAGE_BYTES, PageRequest, Queue
from tests.end_to_end.pipeline import Pipeline, request_of, wait_until

_REQUEST = request_of(Asset(item="i", key="k", href="https://example.org/k", name="direct/k"))


def encoded(body: str | bytes) -> str:
    return base64.b64encode(body.encode() if isinstance(body, str) else body).decode()


def nested(levels: int) -> str:
    return '{"v":' + "[" * levels + "]" * levels + "}"


#: Texts as they are put into a queue.
JUNK: Mapping[str, str] = {
    "not Base64": "not base64 !!",
    "nothing": "",
    "not UTF-8": encoded(b'{"v": 1, "dataset": "\xff\xfe"}'),
    "not JSON": encoded("hello"),
    "an empty object": encoded("{}"),
    "a list": encoded("[]"),
    "another schema": encoded('{"v": 1, "kind": "order", "dataset": "direct", "pizza": true}'),
    "an unknown version": encoded('{"v": 2, "kind": "copy", "dataset": "direct"}'),
    "the trigger's own names": encoded('{"id": 7, "dequeueCount": "many", "insertionTime": "never"}'),
    "deeper than parsers go": encoded(nested(24_000)),
    "48 KiB of noise": encoded(random.Random(7).randbytes(MAX_MESSAGE_BYTES)),
    "48 KiB of text": encoded("ü" * (MAX_MESSAGE_BYTES // 2)),
}


def junk_for(queue: Queue) -> list[str]:
    """All of it, and a message that is good for another queue."""
    page, request = PageRequest(dataset="direct", run="junk"), _REQUEST
    return [*JUNK.values(), encoded((request if queue is Queue.DISCOVER else page).encode())]


@pytest.fixture(scope="module")
def poison(pipeline: Pipeline) -> Mapping[Queue, list[str]]:
    """The junk in each poison queue, once there is as much of it as was put on all queues at the same time."""
    sent = {queue: junk_for(queue) for queue in Queue}
    for queue, texts in sent.items():
        for text in texts:
            pipeline.send_raw(queue, text)

    def found() -> Mapping[Queue, list[str]]:
        texts = {queue: [str(each.content or "") for each in pipeline.poison(queue)] for queue in Queue}
        return {queue: [text for text in texts[queue] if text in sent[queue]] for queue in Queue}

    wait_until(lambda: all(len(texts) >= len(sent[queue]) for queue, texts in found().items()))
    return found()


@pytest.mark.parametrize("queue", Queue)
def test_junk_is_poison(poison: Mapping[Queue, list[str]], queue: Queue) -> None:
    """Each piece of junk stands in its queue's poison queue, once and as it was, whoever put it there."""
    assert sorted(poison[queue]) == sorted(junk_for(queue))


@pytest.mark.usefixtures("poison")
def test_the_pipeline_goes_on(pipeline: Pipeline) -> None:
    """After all the junk every lane copies what it is asked for."""
    lanes = {lane: pipeline.serve(lane.encode()) for lane in LANES}

    message_ids = [pipeline.send(lane, request_of(asset).encode()) for lane, asset in lanes.items()]
    pipeline.wait_until_deleted(*message_ids)

    assert {lane: pipeline.blob(asset)[0] for lane, asset in lanes.items()} == {each: each.encode() for each in LANES}
    assert len(pipeline.rows(*lanes.values())) == len(LANES)
