import asyncio
from datetime import timedelta

import pytest

from shared.model.errors import SourceRefusedError
from shared.sources.tokens import Token, Tokens
from tests.unit.copying.world import Clock

_HOUR = timedelta(hours=1)


class _Endpoint:
    """Gives a new token each time, or an error."""

    def __init__(self, clock: Clock, *, life: timedelta = _HOUR) -> None:
        self.clock = clock
        self.life = life
        self.asked = 0
        self.error: Exception | None = None
        self.answers = asyncio.Event()
        self.answers.set()

    async def __call__(self) -> Token:
        self.asked += 1
        number = self.asked
        await self.answers.wait()
        if self.error is not None:
            raise self.error
        return Token(value=f"token-{number}", expires_at=self.clock() + self.life)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def endpoint(clock: Clock) -> _Endpoint:
    return _Endpoint(clock)


@pytest.fixture
def tokens(clock: Clock) -> Tokens:
    return Tokens(clock, most=2)


@pytest.mark.parametrize(
    ("life", "kept"),
    [
        (_HOUR, timedelta(minutes=55)),
        (timedelta(minutes=6), timedelta(minutes=3)),
        (timedelta(), timedelta()),
    ],
)
async def test_kept_until_shortly_before_its_end(
    clock: Clock, endpoint: _Endpoint, tokens: Tokens, life: timedelta, kept: timedelta
) -> None:
    """A token is fetched anew five minutes before it expires, or at half of a short life."""
    endpoint.life = life
    await tokens.get("a", endpoint)

    clock.turn(kept - timedelta(seconds=1))
    before = (await tokens.get("a", endpoint)).value if kept else "token-1"
    clock.turn(timedelta(seconds=1))
    after = (await tokens.get("a", endpoint)).value

    assert (before, after) == ("token-1", "token-2")


async def test_fetched_once_for_all(endpoint: _Endpoint, tokens: Tokens) -> None:
    """Copies that want a token while it is fetched wait for that one."""
    endpoint.answers.clear()
    waiting = [asyncio.ensure_future(tokens.get("a", endpoint)) for _ in range(5)]
    await asyncio.sleep(0)
    endpoint.answers.set()

    found = await asyncio.gather(*waiting)

    assert ([each.value for each in found], endpoint.asked) == (["token-1"] * 5, 1)


async def test_one_cancelled_copy_takes_nothing_from_the_others(endpoint: _Endpoint, tokens: Tokens) -> None:
    """Who asked first may end; who waits with it gets the token."""
    endpoint.answers.clear()
    first, second = (asyncio.ensure_future(tokens.get("a", endpoint)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    endpoint.answers.set()

    assert (await second).value == "token-1"
    assert first.cancelled()


async def test_an_error_is_not_kept(endpoint: _Endpoint, tokens: Tokens) -> None:
    """An endpoint that failed is asked again by whoever comes next."""
    endpoint.error = SourceRefusedError("no")
    with pytest.raises(SourceRefusedError):
        await tokens.get("a", endpoint)
    endpoint.error = None

    assert (await tokens.get("a", endpoint)).value == "token-2"


async def test_a_refused_token_is_forgotten(endpoint: _Endpoint, tokens: Tokens) -> None:
    """After a refusal another token is fetched; a late refusal of the old one costs the new one nothing."""
    old = await tokens.get("a", endpoint)

    tokens.forget("a", old)
    new = await tokens.get("a", endpoint)
    tokens.forget("a", old)

    assert (await tokens.get("a", endpoint), new.value) == (new, "token-2")


async def test_purposes_are_bounded(endpoint: _Endpoint, tokens: Tokens) -> None:
    """The token that was fetched first goes when there are too many; each purpose has its own."""
    for purpose in ("a", "b", "c"):
        await tokens.get(purpose, endpoint)

    found = [(await tokens.get(each, endpoint)).value for each in ("c", "b", "a")]

    assert found == ["token-3", "token-2", "token-4"]


async def test_a_lost_fetch_is_cancelled_quietly(endpoint: _Endpoint, tokens: Tokens) -> None:
    """A fetch that is cancelled with its loop leaves nothing behind that later ones would wait for."""
    endpoint.answers.clear()
    waiting = asyncio.ensure_future(tokens.get("a", endpoint))
    for _ in range(2):
        await asyncio.sleep(0)
    for task in asyncio.all_tasks() - {asyncio.current_task(), waiting}:
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    endpoint.answers.set()

    assert (await tokens.get("a", endpoint)).value == "token-2"


def test_not_shown(clock: Clock) -> None:
    """A token's text says nothing of its value."""
    assert "c4n4ry" not in repr(Token(value="c4n4ry", expires_at=clock()))
