import http.client
import os
import threading
from collections.abc import Generator, Mapping
from functools import partial
from pathlib import Path

import pytest

from demo.files import FileHandler, FileServer

BODY = b"0123456789"
MODIFIED = 1_700_000_000
LAST_MODIFIED = "Tue, 14 Nov 2023 22:13:20 GMT"
EARLIER = "Tue, 14 Nov 2023 22:13:19 GMT"


@pytest.fixture
def server(tmp_path: Path) -> Generator[FileServer]:
    root = tmp_path / "files"
    root.mkdir()
    (root / "a.tif").write_bytes(BODY)
    os.utime(root / "a.tif", (MODIFIED, MODIFIED))
    (tmp_path / "secret.tif").write_bytes(BODY)
    handler = partial(FileHandler, root=root, bytes_per_second=None)
    with FileServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def ask(
    server: FileServer, path: str = "/a.tif", *, method: str = "GET", headers: Mapping[str, str] | None = None
) -> tuple[int, Mapping[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    connection.request(method, path, headers=dict(headers or {}))
    answer = connection.getresponse()
    found = answer.status, dict(answer.headers), answer.read()
    connection.close()
    return found


def test_whole(server: FileServer) -> None:
    """A file comes whole, with the headers by which a copy knows its version."""
    status, headers, body = ask(server)

    assert (status, body) == (200, BODY)
    assert headers["Content-Length"] == "10"
    assert headers["Content-Type"] == "image/tiff"
    assert headers["Last-Modified"] == LAST_MODIFIED
    assert headers["ETag"].startswith('"')


@pytest.mark.parametrize(
    ("asked", "found", "content_range"),
    [
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=0-99", BODY, "bytes 0-9/10"),
    ],
)
def test_range(server: FileServer, asked: str, found: bytes, content_range: str) -> None:
    """A range is answered by that part, with 206 and its place."""
    status, headers, body = ask(server, headers={"Range": asked})

    assert (status, headers.get("Content-Range"), body) == (206, content_range, found)


def test_range_beyond_the_end(server: FileServer) -> None:
    """A range that begins after the end is answered by 416."""
    status, _, _ = ask(server, headers={"Range": "bytes=10-"})

    assert status == 416


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-Match": '"another"'}, 412),
        ({"If-Unmodified-Since": LAST_MODIFIED}, 200),
        ({"If-Unmodified-Since": EARLIER}, 412),
    ],
)
def test_precondition(server: FileServer, headers: Mapping[str, str], status: int) -> None:
    """Another version than the one that is asked for is refused."""
    found, _, _ = ask(server, headers=headers)

    assert found == status


def test_head(server: FileServer) -> None:
    """HEAD tells the length and sends nothing."""
    status, headers, body = ask(server, method="HEAD")

    assert (status, headers["Content-Length"], body) == (200, "10", b"")


@pytest.mark.parametrize("path", ["/lost.tif", "/../secret.tif", "/%2e%2e/secret.tif", "/"])
def test_not_there(server: FileServer, path: str) -> None:
    """What isn't below the root isn't there."""
    status, _, _ = ask(server, path)

    assert status == 404
