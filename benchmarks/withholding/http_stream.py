"""Bytes of a connection as HTTP/1.1 messages, for somebody who only watches."""

import dataclasses
from collections.abc import Iterator, Mapping

_END = b"\r\n"
#: Answers that have no body whatever their head says.
_BODILESS = frozenset({"204", "304"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HttpMessage:
    """A request or an answer."""

    first_line: str
    #: Names in lower case.
    headers: Mapping[str, str]
    body: bytes


class HttpStream:
    """Cuts one direction of a connection into messages. It knows no HEAD and no 100 Continue: no queue client asks."""

    def __init__(self) -> None:
        self._received = b""

    def feed(self, data: bytes) -> Iterator[HttpMessage]:
        """Take in what came; gives the messages that are whole now. Raises ValueError for what is no HTTP."""
        self._received += data
        while found := _first(self._received):
            message, end = found
            self._received = self._received[end:]
            yield message


def _first(received: bytes) -> tuple[HttpMessage, int] | None:
    """The first message and where it ends; None while it isn't whole."""
    head, separator, _ = received.partition(_END + _END)
    if not separator:
        return None
    first_line, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
    start = len(head) + len(separator)
    found = _body(received, start, headers=headers, has_none=first_line.split(" ")[1] in _BODILESS)
    if found is None:
        return None
    body, end = found
    return HttpMessage(first_line=first_line, headers=headers, body=body), end


def _body(received: bytes, start: int, *, headers: Mapping[str, str], has_none: bool) -> tuple[bytes, int] | None:
    if has_none:
        return b"", start
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _chunks(received, start)
    end = start + int(headers.get("content-length", "0"))
    return (received[start:end], end) if len(received) >= end else None


def _chunks(received: bytes, start: int) -> tuple[bytes, int] | None:
    """A chunked body without trailers, as Node sends it."""
    body = b""
    while (line_end := received.find(_END, start)) >= 0:
        size = int(received[start:line_end].split(b";")[0], 16)
        begins, ends = line_end + len(_END), line_end + len(_END) + size
        if len(received) < ends + len(_END):
            return None
        body += received[begins:ends]
        start = ends + len(_END)
        if size == 0:
            return body, start
    return None
