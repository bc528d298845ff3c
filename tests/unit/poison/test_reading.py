"""Poison messages, read."""

import base64
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.errors import advice_of
from shared.model.messages import PageRequest, PublishRequest, Queue, Reason
from shared.poison.reading import AssetFact, PoisonFact
from shared.storage.mailbox import encoded
from tests.fakes.mailbox import WEEK
from tests.unit.model.builders import NOON, asset, copy_request
from tests.unit.poison.desk import Desk, poisoned
from tests.unit.poison.preserve_world import HOUR


async def test_all_that_is_known_of_a_request() -> None:
    """What it asks for, why it failed, how often, and what to do; of each asset its last failure."""
    desk = Desk()
    request = poisoned()
    name = desk.put(request)
    await desk.failed(error="TruncatedBodyError", attempts=3)

    (found,) = await desk.listed()

    assert found.fact == PoisonFact(
        queue="copy-poison",
        id=name,
        kind="copy",
        dataset="s2",
        cause="run-1",
        items=("s2/T32",),
        assets=(
            AssetFact(
                item="s2/T32",
                key="B04",
                href="https://data.example.org/B04.tif",
                host="data.example.org",
                name="s2/T32/B04",
                error="TruncatedBodyError",
                message="half a body",
                attempts=3,
                first_at=NOON,
                last_at=NOON + HOUR / 2,
                copied_at=None,
            ),
        ),
        error="AssetNotFoundError",
        message="answered 404",
        failed_at=NOON,
        advice=advice_of("AssetNotFoundError"),
        note=None,
        inserted_at=NOON + HOUR,
        expires_at=None,
        deliveries=1,
        is_base64=True,
        body=request.encode(),
    )


async def test_what_was_copied_since_has_no_failure() -> None:
    """Another run has brought it: the failure is over, and a redrive finds it done."""
    desk = Desk()
    desk.put(poisoned())
    await desk.failed()
    await desk.copied(description=asset().description, completed_at=NOON + HOUR)

    ((fact,),) = [each.fact.assets for each in await desk.listed()]

    assert (fact.error, fact.attempts, fact.copied_at) == (None, None, NOON + HOUR)


async def test_a_message_that_says_not_why() -> None:
    """What the runtime put aside, and the timer hasn't come to yet: the failures table says why, and it expires."""
    desk = Desk()
    desk.mailbox.put("copy-poison", encoded(copy_request().encode()), lives=WEEK)
    await desk.failed(error="TruncatedBodyError")

    (found,) = await desk.listed()

    assert found.reason == Reason(error="TruncatedBodyError", message="half a body", at=NOON + HOUR / 2)
    assert found.fact.expires_at == NOON + HOUR + WEEK


async def test_nothing_ever_began() -> None:
    """No reason and no row: a class of its own, with its own advice."""
    desk = Desk()
    desk.put(copy_request())

    (found,) = await desk.listed()

    assert (found.reason.error, found.fact.advice) == ("NeverStarted", advice_of("NeverStarted"))


@pytest.mark.parametrize("queue", Queue)
async def test_junk_says_why_it_is_junk(queue: Queue) -> None:
    """In every queue: which field is wrong, and no dataset."""
    desk = Desk()
    desk.mailbox.put(queue.poison, encoded('{"v": 7}'))

    (found,) = await desk.listed()

    assert (found.queue, found.request, found.traits.dataset, found.fact.kind) == (queue, None, None, None)
    assert found.reason.error == "MalformedRequestError"
    assert found.reason.message.startswith("v: Input should be 1")
    assert found.reason.at == NOON + HOUR


async def test_a_request_in_another_queue_is_junk() -> None:
    """A queue's function reads its own kind of request alone."""
    desk = Desk()
    desk.put(copy_request(), Queue.PUBLISH)

    (found,) = await desk.listed()

    assert found.request is None


async def test_a_request_that_is_not_in_base64() -> None:
    """The host can't decode it, and we can: a redrive sends it as it ought to be."""
    desk = Desk()
    desk.mailbox.put("copy-poison", copy_request().encode())

    (found,) = await desk.listed()

    assert found.request == copy_request()
    assert (
        found.reason.message == "it isn't in Base64, so no function can read it: a redrive sends it as it ought to be"
    )


async def test_bytes_that_are_no_text() -> None:
    """Shown with escapes."""
    desk = Desk()
    desk.mailbox.put("copy-poison", "/w==")

    (found,) = await desk.listed()

    assert found.text == "\\xff"


async def test_a_page_says_that_its_run_is_over() -> None:
    """Sent back it does nothing, as a run that failed by it has ended: what does is said."""
    desk = Desk()
    desk.put(PageRequest(dataset="s2", run="run-7"), Queue.DISCOVER)

    (found,) = await desk.listed()

    assert (found.fact.kind, found.fact.cause, found.items, found.hosts) == ("page", "run-7", (), ())
    assert found.note is not None
    assert "`sluice discover s2` begins another" in found.note


async def test_an_item_that_could_not_be_published() -> None:
    """It has an item, and no assets."""
    desk = Desk()
    desk.put(PublishRequest(dataset="s2", item="s2/T32", version="0" * 64, asked_at=NOON), Queue.PUBLISH)

    (found,) = await desk.listed()

    assert (found.fact.kind, found.items, found.fact.assets, found.fact.cause) == ("publish", ("s2/T32",), (), None)


async def test_what_is_shown_has_no_secrets() -> None:
    """Whoever wrote a message may have written a signature into it."""
    desk = Desk()
    desk.mailbox.put("copy-poison", encoded("https://data.example.org/a?sv=1&sig=hidden"))
    desk.put(poisoned(message="https://data.example.org/a?sig=hidden"))

    facts = [each.fact for each in await desk.listed()]

    assert not any("hidden" in each.model_dump_json() for each in facts)


async def test_several_assets_of_a_request() -> None:
    """Hosts and items stand once each; each asset has its own failure."""
    desk = Desk()
    desk.put(copy_request(asset(), asset(key="B05", name="s2/T32/B05")))
    await desk.failed(key="B05", first_at=NOON, last_at=NOON + timedelta(hours=2))

    (found,) = await desk.listed()

    assert (found.items, found.hosts) == (("s2/T32",), ("data.example.org",))
    assert [each.attempts for each in found.fact.assets] == [None, 1]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(Queue),
            st.one_of(
                st.text(max_size=40),
                st.binary(max_size=40).map(lambda body: base64.b64encode(body).decode()),
                st.sampled_from(['{"v":1', "[" * 5000, '{"v": 1, "dataset": "s2", "kind": "copy", "assets": []}']),
            ),
        ),
        max_size=8,
    )
)
async def test_whatever_stands_there_is_shown(messages: list[tuple[Queue, str]]) -> None:
    """Nothing in a message keeps it, or another one, from being listed."""
    desk = Desk()
    names = {desk.mailbox.put(queue.poison, text) for queue, text in messages}

    facts = [each.fact for each in await desk.listed()]

    assert {each.id for each in facts} == names
    assert all(each.model_dump_json() for each in facts)
