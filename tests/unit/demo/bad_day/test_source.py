import contextlib
import dataclasses
import http.client
import json
import threading
from collections.abc import Generator, Mapping
from pathlib import Path

import pytest

from demo.bad_day.plan import MANIFEST, SMALL, File, Plan, Trouble
from demo.bad_day.source import ANSWERS, MEND, Troubles, serving, write_files
from demo.files import FileServer

CALM = dataclasses.replace(SMALL, throttled_after=1000, held_seconds=0.05)


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """What the time is."""
        return self.now


def file(trouble: Trouble | None = None) -> File:
    return File(number=0, item="scene", path=f"/files/{trouble or 'good'}.tif", size=2000, trouble=trouble)


@contextlib.contextmanager
def served(plan: Plan, directory: Path) -> Generator[FileServer]:
    write_files(plan, directory, url="http://source")
    with serving(plan, directory, port=0, delay_seconds=0) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def server(tmp_path: Path) -> Generator[FileServer]:
    with served(Plan(size=CALM, files=(file(), *(file(each) for each in Trouble))), tmp_path) as running:
        yield running


def ask(server: FileServer, path: str, *, method: str = "GET") -> tuple[int, Mapping[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    with contextlib.closing(connection):
        connection.request(method, path)
        with connection.getresponse() as answer:
            return answer.status, dict(answer.headers), answer.read()


def test_good_file(server: FileServer) -> None:
    """A file without trouble comes as it is."""
    status, _, body = ask(server, file().path)

    assert (status, body) == (200, file().body)


@pytest.mark.parametrize(("trouble", "expected"), [(Trouble.MISSING, 404), (Trouble.FORBIDDEN, 403)])
def test_refusals(server: FileServer, trouble: Trouble, expected: int) -> None:
    """Missing and forbidden files are refused."""
    status, _, _ = ask(server, file(trouble).path)

    assert status == expected


def test_wrong_bytes(server: FileServer) -> None:
    """Wrong bytes come as a success of the right length."""
    status, headers, body = ask(server, file(Trouble.WRONG).path)

    assert (status, headers["Content-Length"], body) == (200, "2000", file(Trouble.WRONG).wrong_body)


def test_page(server: FileServer) -> None:
    """A page comes as a success, in HTML and without a length."""
    status, headers, body = ask(server, file(Trouble.PAGE).path)

    assert (status, headers["Content-Type"], "Content-Length" in headers) == (200, "text/html", False)
    assert body.startswith(b"<!DOCTYPE html>")


def test_hang(server: FileServer) -> None:
    """Of a hanging file half comes, and then the connection is closed."""
    with pytest.raises(http.client.IncompleteRead) as broken:
        ask(server, file(Trouble.HANGING).path)

    assert broken.value.partial == file(Trouble.HANGING).body[:1000]


def test_mend(server: FileServer) -> None:
    """Once the switch is thrown, files come as they are."""
    before, _, _ = ask(server, file(Trouble.MISSING).path)

    mended, _, _ = ask(server, MEND, method="POST")

    assert (before, mended) == (404, 200)
    assert ask(server, file(Trouble.MISSING).path)[2] == file(Trouble.MISSING).body
    assert ask(server, file(Trouble.WRONG).path)[2] == file(Trouble.WRONG).body


def test_answers(server: FileServer) -> None:
    """The source tells how often each trouble was met."""
    for _ in range(2):
        ask(server, file(Trouble.MISSING).path)
    ask(server, file(Trouble.FORBIDDEN).path)
    ask(server, file().path)

    _, _, body = ask(server, ANSWERS)

    assert json.loads(body) == {"missing": 2, "forbidden": 1}


@pytest.mark.parametrize(("method", "path"), [("GET", "/files/none.tif"), ("POST", MANIFEST)])
def test_no_such_address(server: FileServer, method: str, path: str) -> None:
    """What isn't in the plan isn't there, and nothing but the switch takes a POST."""
    status, _, _ = ask(server, path, method=method)

    assert status == 404


def test_manifest(server: FileServer) -> None:
    """The manifest lists the files."""
    status, _, body = ask(server, MANIFEST)

    assert status == 200
    assert body.decode().splitlines()[0] == "url,size,sha256,item"


def test_throttled_by_http(tmp_path: Path) -> None:
    """Who is throttled is told for how long to stay away."""
    plan = Plan(size=dataclasses.replace(CALM, throttled_after=0), files=(file(),))

    with served(plan, tmp_path) as running:
        status, headers, _ = ask(running, file().path)

    assert (status, headers["Retry-After"]) == (429, "5")


def test_throttled_for_a_while() -> None:
    """After so many answers everybody is throttled, for so long."""
    clock = Clock()
    troubles = Troubles(dataclasses.replace(SMALL, throttled_after=2, throttled_seconds=60), clock=clock)

    first = [troubles.meet(file()) for _ in range(3)]
    clock.now += 59
    at_the_end = troubles.meet(None)
    clock.now += 1
    after = troubles.meet(file())

    assert first == [None, None, Trouble.THROTTLED]
    assert (at_the_end, after) == (Trouble.THROTTLED, None)


def test_hangs_for_a_while() -> None:
    """A hanging file hangs for so long after it was asked for first, mended or not."""
    clock = Clock()
    troubles = Troubles(dataclasses.replace(CALM, hanging_seconds=50), clock=clock)

    first = troubles.meet(file(Trouble.HANGING))
    troubles.mend()
    clock.now += 49
    second = troubles.meet(file(Trouble.HANGING))
    clock.now += 1

    assert (first, second) == (Trouble.HANGING, Trouble.HANGING)
    assert troubles.meet(file(Trouble.HANGING)) is None


def test_mending_ends_no_patience() -> None:
    """A host that throttles does so until its time is over, whatever was mended."""
    troubles = Troubles(dataclasses.replace(SMALL, throttled_after=0), clock=Clock())

    troubles.mend()

    assert troubles.meet(file(Trouble.MISSING)) is Trouble.THROTTLED
