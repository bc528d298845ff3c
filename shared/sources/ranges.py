"""The rest of a version: asked for under a condition, and refused unless it is exactly that."""

from collections.abc import AsyncIterator
from http import HTTPStatus

from shared.egress import Reply, check_status
from shared.egress.validators import condition, is_of_version, range_of
from shared.model.errors import SourceChangedError, TruncatedBodyError, UnexpectedStatusError
from shared.model.hrefs import host_of
from shared.sources.body import Rest


def range_headers(rest: Rest) -> dict[str, str]:
    """Range, and the condition that holds it to the version (RFC 9110, 13.1.1, 13.1.4 and 14.2)."""
    return {"Range": f"bytes={rest.first}-{rest.total - 1}", **condition(rest.validator)}


def check_rest(reply: Reply, rest: Rest, *, encoding: str | None) -> None:
    """Raise SourceChangedError unless an answer is the rest that was asked for, else what its status means.

    A server may ignore a range (200), cut it, merge it or answer it in parts (multipart/byteranges), and a cache or
    another replica may ignore the condition: all of it is legal somewhere, and none of it can be appended to.
    """
    said = f"{host_of(reply.url)} answered {reply.status} to a request for a range"
    try:
        check_status(reply)
    except UnexpectedStatusError as error:
        # 412: another version; 416: a shorter one; 400, 405, 501 and others: no ranges under a condition.
        raise SourceChangedError(said) from error
    if reply.status != HTTPStatus.PARTIAL_CONTENT:
        raise SourceChangedError(f"{said}: it ignores ranges")
    if range_of(reply.headers) != (rest.first, rest.total - 1, rest.total):
        raise SourceChangedError(f"{said}, with another range than the one asked for")
    if reply.length not in {None, rest.total - rest.first}:
        raise SourceChangedError(f"{said}, with {reply.length} bytes instead of {rest.total - rest.first}")
    if not is_of_version(reply.headers, rest.validator) or encoding != rest.encoding:
        raise SourceChangedError(f"{said}, with another version")


async def counted(reply: Reply, rest: Rest) -> AsyncIterator[bytes]:
    """The bytes of a rest, which may come without a length; raises for fewer or more of them than were asked for."""
    missing = rest.total - rest.first
    async for chunk in reply.chunks():
        missing -= len(chunk)
        if missing < 0:
            raise SourceChangedError(f"{host_of(reply.url)} sent more bytes than it was asked for")
        yield chunk
    if missing:
        raise TruncatedBodyError(f"{missing} bytes of a range of {rest.total - rest.first} are missing")
