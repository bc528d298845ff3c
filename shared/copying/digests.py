"""Digests of a body while it passes, and what they are compared with."""

import asyncio
from collections.abc import Iterable

from shared.model.checksums import Algorithm, digest, new_hash, parse_digest

#: Shorter pieces are hashed on the loop: a thread costs more than they do.
_THREAD_FROM = 256 * 1024


class Digests:
    """SHA-256 and MD5 of a whole body, and whatever else is expected of it."""

    def __init__(self, expected: Iterable[str]) -> None:
        self._expected = tuple(digest(*parse_digest(each)) for each in expected)
        wanted = {Algorithm.SHA256, Algorithm.MD5, *(parse_digest(each)[0] for each in self._expected)}
        self._hashes = {each: new_hash(each) for each in sorted(wanted, reverse=True)}
        self.length = 0

    async def update(self, data: bytes) -> None:
        """Take more of the body in; large pieces in a thread, so that the loop stays free."""
        self.length += len(data)
        if len(data) < _THREAD_FROM:
            self._update(data)
        else:
            await asyncio.to_thread(self._update, data)

    @property
    def md5(self) -> bytes:
        """For Content-MD5."""
        return self._hashes[Algorithm.MD5].digest()

    @property
    def written(self) -> tuple[str, ...]:
        """All digests, as rows and metadata hold them."""
        return tuple(digest(name, each.digest()) for name, each in self._hashes.items())

    @property
    def mismatch(self) -> str | None:
        """The first expected digest that the body hasn't, or None."""
        have = set(self.written)
        return next((each for each in self._expected if each not in have), None)

    def _update(self, data: bytes) -> None:
        for each in self._hashes.values():
            each.update(data)
