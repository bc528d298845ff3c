import pytest

from benchmarks.withholding.http_stream import HttpMessage, HttpStream

REQUEST = b"POST /a/copy/messages HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
EMPTY = b"HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n"


def first_lines(messages: list[HttpMessage]) -> list[str]:
    return [each.first_line for each in messages]


def test_a_message_of_a_stated_length() -> None:
    """Line, headers in lower case, and body."""
    (found,) = HttpStream().feed(REQUEST)

    assert found == HttpMessage(
        first_line="POST /a/copy/messages HTTP/1.1", headers={"content-length": "4"}, body=b"body"
    )


def test_a_body_in_chunks() -> None:
    """The chunks are put together, and what follows them is the next message."""
    messages = list(HttpStream().feed(CHUNKED + REQUEST))

    assert [each.body for each in messages] == [b"abcde", b"body"]


def test_an_answer_without_a_body() -> None:
    """A 204 has none whatever its head says."""
    assert [each.body for each in HttpStream().feed(EMPTY + CHUNKED)] == [b"", b"abcde"]


@pytest.mark.parametrize("whole", [REQUEST, CHUNKED, EMPTY])
def test_bytes_one_by_one(whole: bytes) -> None:
    """A message is given once, with its last byte."""
    stream = HttpStream()

    early = [each for byte in whole[:-1] for each in stream.feed(bytes([byte]))]
    last = list(stream.feed(whole[-1:]))

    assert (early, last) == ([], list(HttpStream().feed(whole)))
