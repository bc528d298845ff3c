"""HTTP without a network: answers come from a function, and hosts outside the allowlist are refused as egress does."""

import contextlib
import dataclasses
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from types import MappingProxyType
from typing import override

from multidict import CIMultiDict

from shared.egress import Reply
from shared.model.datasets import Allowlist, matches_host
from shared.model.errors import TruncatedBodyError, UrlRefusedError
from shared.model.hrefs import host_of

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as it would have gone out."""

    method: str
    url: str
    headers: Mapping[str, str] = _NONE
    body: bytes | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server says to it."""

    status: int = 200
    headers: Mapping[str, str] = _NONE
    chunks: tuple[bytes, ...] = ()
    #: Where redirects led; None: nowhere.
    url: str | None = None
    #: The connection ends before the body does.
    truncated: bool = False


class FakeEgress:
    """Answers by a function, and remembers what it was asked."""

    def __init__(self, server: Callable[[Asked], Answer]) -> None:
        self._server = server
        self.asked: list[Asked] = []

    @contextlib.asynccontextmanager
    async def request(
        self, method: str, url: str, *, allow: Allowlist, headers: Mapping[str, str] = _NONE, body: bytes | None = None
    ) -> AsyncGenerator[Reply]:
        """See ``Egress.request``."""
        if not matches_host(host_of(url), allow.hosts):
            raise UrlRefusedError(f"the host {host_of(url)!r} isn't in allow.hosts")
        asked = Asked(method=method, url=url, headers=dict(headers), body=body)
        self.asked.append(asked)
        answer = self._server(asked)
        yield _FakeReply(answer, url=answer.url or url)


def files(contents: Mapping[str, bytes], *, ranges: bool = True, chunk_size: int = 7) -> Callable[[Asked], Answer]:
    """A server of files, which knows ranges or doesn't; a file's ETag changes with its bytes."""

    def serve(asked: Asked) -> Answer:
        if asked.url not in contents:
            return Answer(status=404)
        content = contents[asked.url]
        headers = {"ETag": f'"{hash(content):x}"'}
        found = re.fullmatch(r"bytes=([0-9]+)-", asked.headers.get("Range", ""))
        if not ranges or found is None:
            return Answer(headers=headers, chunks=_chunks(content, chunk_size))
        first = int(found[1])
        if first >= len(content):
            return Answer(status=416, headers=headers)
        headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        return Answer(status=206, headers=headers, chunks=_chunks(content[first:], chunk_size))

    return serve


class _FakeReply(Reply):
    """A reply whose bytes are at hand; reading with a limit and judging the status are the real ones."""

    def __init__(self, answer: Answer, *, url: str) -> None:
        self._answer = answer
        self.status = answer.status
        self.headers = CIMultiDict(answer.headers)
        self.url = url

    @property
    @override
    def length(self) -> int | None:
        return sum(len(each) for each in self._answer.chunks)

    @override
    async def chunks(self) -> AsyncIterator[bytes]:
        for each in self._answer.chunks:
            yield each
        if self._answer.truncated:
            raise TruncatedBodyError("the body ended early")


def _chunks(content: bytes, size: int) -> tuple[bytes, ...]:
    return tuple(content[start : start + size] for start in range(0, len(content), size))
