"""No message expires: the rule, on the wire. ``open_pipeline`` judges by it whatever all other tests have sent."""

import collections

from shared.model.messages import Queue
from tests.end_to_end.exchanges import Caller, Exchange, Service, expiring
from tests.end_to_end.pipeline import Pipeline, request_of, wait_until


def test_what_expires() -> None:
    """A send without a time-to-live, or with another than -1, expires; only the host's move to poison is let off."""
    exchanges = [
        _send(Caller.APP, "copy", messagettl="-1"),
        _send(Caller.APP, "discover"),
        _send(Caller.APP, "copy-poison"),
        _send(Caller.APP, "copy", messagettl="604800"),
        _send(Caller.HOST, "copy"),
        _send(Caller.HOST, "copy-poison"),
    ]

    found = expiring(exchanges)

    assert found == exchanges[1:5]


def test_messages_never_expire(pipeline: Pipeline) -> None:
    """Pages, copies, items, what is put off and what is poisoned: the app sends each with a time-to-live of -1."""
    assets = [pipeline.serve(b"sent", dataset="sent", item=f"item-{number // 2}") for number in range(5)]
    # For longer than all tests together take: it must not come back in the middle of another.
    busy = pipeline.serve(b"", status="429 Too Many Requests", **{"Retry-After": "3600"})
    absent = pipeline.serve(b"", status="404 Not Found").model_copy(update={"size": 7})
    pipeline.publish("sent", assets)
    position = len(pipeline.wire.exchanges)

    message_ids = [pipeline.send(Queue.COPY_LIVE, request_of(each).encode()) for each in (busy, absent)]
    pipeline.ask("POST", "datasets/sent/runs")
    pipeline.wait_until_deleted(*message_ids)
    wait_until(lambda: len(pipeline.rows(*assets)) == 5 and pipeline.outstanding() == 0)
    wait_until(lambda: len(pipeline.records("sent")) == 3)

    assert {item: len(found) for item, found in pipeline.records("sent").items()} == {
        "item-0": 2,
        "item-1": 2,
        "item-2": 1,
    }
    sends = [each for each in pipeline.wire.exchanges[position:] if each.caller is Caller.APP and each.is_send]
    assert collections.Counter((each.path, each.query["messagettl"]) for each in sends) == {
        ("discover/messages", "-1"): 2,
        ("copy/messages", "-1"): 3,
        ("copy-later/messages", "-1"): 1,
        ("copy-live-poison/messages", "-1"): 1,
        ("publish/messages", "-1"): 3,
    }
    assert all(each.user_agent.startswith("azsdk-python-storage-queue/") for each in sends)


def _send(caller: Caller, queue: str, **query: str) -> Exchange:
    path = f"{queue}/messages"
    return Exchange(
        caller=caller, service=Service.QUEUE, method="POST", path=path, query=query, user_agent="", status=201
    )
