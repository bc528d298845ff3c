"""Tokens, each fetched once and kept in memory until shortly before it expires."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

#: How long before its end a token isn't used any more; of a short life, half.
_MARGIN = timedelta(minutes=5)
#: Purposes come from hrefs (account and container, say): a catalog could name any number.
_MOST = 256


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What opens a source for a while."""

    value: str = dataclasses.field(repr=False)
    expires_at: datetime


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    token: Token
    renew_at: datetime


class Tokens:
    """Tokens by what they are for."""

    def __init__(self, clock: Callable[[], datetime], *, most: int = _MOST) -> None:
        self._clock = clock
        self._most = most
        self._held: dict[object, _Held] = {}
        self._fetching: dict[object, asyncio.Task[Token]] = {}

    async def get(self, purpose: object, fetch: Callable[[], Awaitable[Token]]) -> Token:
        """The token of a purpose; all that ask while it is fetched get the same token, or the same error."""
        held = self._held.get(purpose)
        if held is not None and self._clock() < held.renew_at:
            return held.token
        task = self._fetching.get(purpose)
        if task is None:
            task = self._fetching[purpose] = asyncio.create_task(self._fetched(purpose, fetch))
            task.add_done_callback(lambda done: self._end(purpose, done))
        # Who asked first may be cancelled; the others wait for the same answer.
        return await asyncio.shield(task)

    def forget(self, purpose: object, token: Token) -> None:
        """Fetch anew the next time, unless another token than the refused one is held by now."""
        held = self._held.get(purpose)
        if held is not None and held.token is token:
            del self._held[purpose]

    async def _fetched(self, purpose: object, fetch: Callable[[], Awaitable[Token]]) -> Token:
        token = await fetch()
        now = self._clock()
        life = token.expires_at - now
        self._held.pop(purpose, None)
        while len(self._held) >= self._most:
            del self._held[next(iter(self._held))]
        self._held[purpose] = _Held(token=token, renew_at=now + max(life - _MARGIN, life / 2))
        return token

    def _end(self, purpose: object, done: asyncio.Task[Token]) -> None:
        del self._fetching[purpose]
        if not done.cancelled():
            # Asked for, so that asyncio logs no error that all who waited have had already, or no longer want.
            done.exception()
