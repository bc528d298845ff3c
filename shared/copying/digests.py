"""Digests of a body while it passes."""

import asyncio
from collections.abc import Iterable, Sequence

from shared.model.checksums import Algorithm, digest, new_hash, parse_digest

#: The least that is always asked for, as a small body costs next to nothing.
SHA256_AND_MD5 = (Algorithm.SHA256, Algorithm.MD5)
#: Less is hashed on the loop: a thread costs more than it does.
_THREAD_FROM = 256 * 1024


class Digests:
    """Those digests of a whole body that are wanted, and those by which what is expected of it can be compared."""

    def __init__(self, expected: Iterable[str], *, wanted: Iterable[Algorithm] = SHA256_AND_MD5) -> None:
        algorithms = {*wanted, *(parse_digest(each)[0] for each in expected)}
        self._hashes = {each: new_hash(each) for each in sorted(algorithms, reverse=True)}
        #: Bytes of the body so far.
        self.length = 0

    async def update(self, pieces: Sequence[bytes]) -> None:
        """Take more of the body in; much of it in a thread, so that the loop stays free."""
        length = sum(map(len, pieces))
        self.length += length
        if length < _THREAD_FROM or not self._hashes:
            self._update(pieces)
        else:
            await asyncio.to_thread(self._update, pieces)

    @property
    def is_needed(self) -> bool:
        """Tell whether there is any digest for which every byte has to be read."""
        return bool(self._hashes)

    @property
    def md5(self) -> bytes | None:
        """Of the body so far: for Content-MD5, where it is wanted."""
        return self._of(Algorithm.MD5)

    @property
    def sha256(self) -> bytes | None:
        """Of the body so far, where it is wanted."""
        return self._of(Algorithm.SHA256)

    @property
    def written(self) -> tuple[str, ...]:
        """All digests, as rows and metadata hold them."""
        return tuple(digest(name, each.digest()) for name, each in self._hashes.items())

    def _of(self, algorithm: Algorithm) -> bytes | None:
        found = self._hashes.get(algorithm)
        return found.digest() if found else None

    def _update(self, pieces: Sequence[bytes]) -> None:
        for each in self._hashes.values():
            for piece in pieces:
                each.update(piece)
