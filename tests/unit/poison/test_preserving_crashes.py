"""Whatever dies, and whatever stands in a poison queue: nothing is lost, nothing raises, and a pass ends."""

import asyncio
import base64
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model.errors import MalformedRequestError
from shared.model.messages import MAX_MESSAGE_BYTES, CopyRequest, PageRequest, PublishRequest, Queue, Reason
from tests.fakes.faults import Faults, KilledError
from tests.fakes.mailbox import NEVER, WEEK
from tests.unit.model.builders import NOON, asset, copy_request
from tests.unit.poison.preserve_world import HOUR, POISON, World, assets_of_one_item

_BODIES = (
    copy_request().encode(),
    assets_of_one_item("B02", "B03").encode(),
    "junk",
)
_MOST_TEXT = 64 * 1024
_KINDS: Mapping[Queue, Any] = {Queue.DISCOVER: PageRequest, Queue.PUBLISH: PublishRequest}

_KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
_REASONS = st.none() | st.just(Reason(error="E", message="m", at=NOON))

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
).map(str)


@st.composite
def _our_bodies(draw: st.DrawFn) -> str:
    """A body of each kind, with and without a reason."""
    key, reason = draw(_KEYS), draw(_REASONS)
    wanted = asset(key=key, href="https://data.example.org/x.tif", name="s2/x")
    requests = (
        copy_request(wanted, reason=reason),
        PageRequest(dataset="s2", run="run-1", token=key, reason=reason),
        PublishRequest(dataset="s2", item=key, version="0" * 64, asked_at=NOON, reason=reason),
    )
    return draw(st.sampled_from(requests)).encode()


_IN_BASE64 = (
    st.binary(max_size=60)
    | (_our_bodies() | _JSON).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.sampled_from([b'{"v":1,"dataset":"s2"}', b"\xff\xfe"])
).map(lambda body: base64.b64encode(body).decode())
_AS_IT_IS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
#: As large as a message can be; by their names, since nobody wants to read them in a failing example.
_LARGE = {
    "large, deep JSON": base64.b64encode(b"[" * MAX_MESSAGE_BYTES).decode(),
    "large body": base64.b64encode(b"x" * MAX_MESSAGE_BYTES).decode(),
    "large text": "é" * (_MOST_TEXT // 2),
}
_TEXTS = _IN_BASE64 | _AS_IT_IS | st.sampled_from(sorted(_LARGE))
_MESSAGES = st.tuples(st.sampled_from(Queue), _TEXTS, st.sampled_from([None, WEEK]))


async def test_killed_at_every_call() -> None:
    """A process that dies at any call, before or after its effect, loses nothing; the next passes preserve all."""
    calls = len((await _killed(at=None, has_effect=False)).faults.calls)

    for at in range(calls):
        for has_effect in (False, True):
            world = await _killed(at=at, has_effect=has_effect)
            assert world.faults.happened
            assert _asked(world) == _asked_before()
            await world.run_at(2 * HOUR)
            world.now += timedelta(days=400)
            assert _asked(world) == _asked_before()


@settings(deadline=None)
@given(drawn=st.lists(_MESSAGES, max_size=40))
def test_any_mixture(drawn: list[tuple[Queue, str, timedelta | None]]) -> None:
    """Any texts in any queues: nothing raises, nothing is lost or doubled, and a second pass changes nothing."""
    messages = [(queue, _LARGE.get(text, text), lives) for queue, text, lives in drawn]
    world = World()
    for queue, text, lives in messages:
        world.mailbox.put(queue.poison, text, lives=lives)
    asyncio.run(world.failed())

    asyncio.run(world.run_at(HOUR))
    once = {queue: {each.id: each.text for each in world.mailbox.all_of(queue.poison)} for queue in Queue}
    asyncio.run(world.run_at(2 * HOUR))

    twice = {queue: {each.id: each.text for each in world.mailbox.all_of(queue.poison)} for queue in Queue}
    assert twice == once
    assert all(each.expires_at == NEVER for queue in Queue for each in world.mailbox.all_of(queue.poison))
    for queue in Queue:
        before = sorted(_plain(queue, text) for other, text, _ in messages if other is queue)
        assert sorted(_plain(queue, text) for text in once[queue].values()) == before
        assert all(len(text.encode()) <= _MOST_TEXT for text in once[queue].values())


async def _killed(*, at: int | None, has_effect: bool) -> World:
    """A pass over two queues that dies at one of its calls, and that call's neighbours with it."""
    world = World(faults=Faults(at=at, has_effect=has_effect))
    for body in _BODIES:
        world.poisoned(body)
    world.poisoned("other junk", queue=Queue.PUBLISH.poison)
    await world.mailbox.send_as_it_is(POISON, "old")
    await world.failed()
    if at is None:
        await world.run_at(HOUR)
        return world
    with pytest.raises((KilledError, BaseExceptionGroup)):
        await world.run_at(HOUR)
    return world


def _asked(world: World) -> set[tuple[str, str]]:
    return {(queue.value, _plain(queue, text)) for queue in Queue for text in world.mailbox.texts(queue.poison)}


def _asked_before() -> set[tuple[str, str]]:
    texts = [base64.b64encode(each.encode()).decode() for each in _BODIES]
    copied = {("copy", _plain(Queue.COPY, each)) for each in [*texts, "old"]}
    return copied | {("publish", base64.b64encode(b"other junk").decode())}


def _plain(queue: Queue, text: str) -> str:
    """What a message asks for, whatever its reason; any other text as it is."""
    try:
        found = _KINDS.get(queue, CopyRequest).decode(base64.b64decode(text, validate=True))
    except (MalformedRequestError, ValueError):
        return text
    return found.model_copy(update={"reason": None}).encode()
