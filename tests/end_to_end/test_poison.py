"""What the runtime gives up is kept for ever, with the reason that it doesn't know."""

from datetime import timedelta

from azure.storage.queue import QueueMessage

from shared.model.assets import Asset
from shared.model.messages import CopyRequest, Queue
from tests.end_to_end.exchanges import Caller, Exchange
from tests.end_to_end.pipeline import Pipeline, decoded, request_of
from tests.end_to_end.wire import Moment

_WEEK = timedelta(days=7)


def test_what_the_runtime_poisoned_is_kept_with_its_reason(pipeline: Pipeline) -> None:
    """Five failures, and the message stands in poison for a week and without a word; the timer mends both."""
    asset, request = _poisoned(pipeline)
    (before,) = pipeline.poison(Queue.COPY, text=asset.href)

    assert pipeline.invoke("preserve_poison")

    (after,) = pipeline.poison(Queue.COPY, text=asset.href)
    kept = CopyRequest.decode(decoded(after).encode())
    assert (_lives(before), _lives(after) > 1000 * _WEEK) == (_WEEK, True)
    assert kept.reason is not None
    assert (kept.reason.error, kept.reason.message) == ("TruncatedBodyError", "127.0.0.1: the body ended early")
    assert kept.model_copy(update={"reason": None}) == request


def test_killed_between_send_and_delete(pipeline: Pipeline) -> None:
    """The worker dies with its copy sent and the original not deleted: both are there, and the copy is whole."""
    pipeline.invoke("preserve_poison")
    asset, request = _poisoned(pipeline)
    before = pipeline.poison_count(Queue.COPY)

    with pipeline.wire.hook(_is_kept, moment=Moment.ANSWERED, call=pipeline.kill_worker, cut=True):
        ended_well = pipeline.invoke("preserve_poison")

    # The original is hidden from everybody for the minute that the dead pass asked for.
    (copy,) = pipeline.poison(Queue.COPY, text=asset.href)
    kept = CopyRequest.decode(decoded(copy).encode())
    assert (ended_well, pipeline.poison_count(Queue.COPY)) == (False, before + 1)
    assert _lives(copy) > 1000 * _WEEK
    assert kept.model_copy(update={"reason": None}) == request


def _poisoned(pipeline: Pipeline) -> tuple[Asset, CopyRequest]:
    """An asset whose body always ends early, once the host has given it up; and its request."""
    asset = pipeline.serve(b"x" * 500, **{"Content-Length": "1000"})
    request = request_of(asset)
    pipeline.wait_until_deleted(pipeline.send(Queue.COPY, request.encode()))
    return asset, request


def _is_kept(exchange: Exchange) -> bool:
    return exchange.caller is Caller.APP and exchange.is_send and exchange.path == "copy-poison/messages"


def _lives(message: QueueMessage) -> timedelta:
    assert message.expires_on is not None
    assert message.inserted_on is not None
    return message.expires_on - message.inserted_on
