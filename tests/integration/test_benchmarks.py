"""The benchmark's own servers and clients, in small: what copied is told from what only ended."""

import asyncio
import http.client
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest

from benchmarks import servers
from benchmarks.clients import Client, Course, run
from benchmarks.measured import Failed, Measured, Outcome, Settings
from benchmarks.phases import Phases
from benchmarks.trees import watched
from benchmarks.workloads import KIB, MIB, Group, Pattern, Workload

PATTERN = Pattern()
SMALL = Workload((Group(count=3, size=16 * KIB),))
BOTH = Workload((*SMALL.groups, Group(count=1, size=17 * MIB)))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    with servers.source(tmp_path_factory.mktemp("source")) as address:
        yield address


def get(address: str, path: str, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=20)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def copied(client: Client, *, source: str, directory: Path, seconds: float = 60) -> Outcome:
    """Run a client against the discarding server."""
    with servers.sink(directory) as destination:
        course = Course(
            phases=Phases(source=source, warm=SMALL, counted=BOTH, at_once=2),
            destination=destination,
            directory=directory,
            settings=Settings(),
            seconds=seconds,
        )
        return run(client, course, pattern=PATTERN)


def rclone_that(does: str, *, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put another program in rclone's place."""
    program = directory / "bin" / "rclone"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{does}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


def test_the_source_serves_files_whole(source: str) -> None:
    """A file that is longer than a piece has all its bytes, in order, and across the seam."""
    name = next(each.name for each in BOTH.files if each.size > MIB)

    status, body = get(source, f"/{name}")

    assert (status, len(body)) == (200, 17 * MIB)
    assert all(body[start : start + KIB] == PATTERN.piece(name, start, KIB) for start in range(0, 17 * MIB, MIB))


def test_the_source_serves_ranges(source: str) -> None:
    """A part of a file is the bytes that stand there."""
    name = next(each.name for each in BOTH.files if each.size > MIB)

    answer = get(source, f"/{name}", Range=f"bytes={MIB}-{MIB + 99}")

    assert answer == (206, PATTERN.piece(name, MIB, 100))


def test_the_source_lists_its_files(source: str) -> None:
    """The manifest and the page for rclone name every file."""
    names = [each.name for each in SMALL.files]

    _, manifest = get(source, f"/{SMALL.spec}/manifest.csv")
    _, index = get(source, f"/{SMALL.spec}/")

    assert manifest.decode().splitlines() == [
        "url,size,item",
        *(f"{source}/{name},16384,item-000000" for name in names),
    ]
    assert [f'href="{name.rpartition("/")[2]}"' in index.decode() for name in names] == [True] * 3


def test_the_source_knows_nothing_else(source: str) -> None:
    """Other paths are 404."""
    assert get(source, "/favicon.ico")[0] == 404


@pytest.mark.parametrize("client", [Client.ENGINE, Client.PLAIN])
def test_a_client_copies_to_the_discarding_server(client: Client, source: str, tmp_path: Path) -> None:
    """The engine and the plain loop copy small and large files, and what they took is measured."""
    outcome = copied(client, source=source, directory=tmp_path)

    assert isinstance(outcome, Measured), outcome
    assert outcome.seconds > 0
    assert outcome.cpu_seconds > 0
    assert outcome.base_bytes is not None
    assert outcome.peak_bytes >= outcome.base_bytes > MIB


@pytest.mark.skipif(shutil.which("rclone") is None, reason="needs rclone")
def test_rclone_copies_to_the_discarding_server(source: str, tmp_path: Path) -> None:
    """Rclone, as it is called here, copies all of it."""
    outcome = copied(Client.RCLONE_4, source=source, directory=tmp_path)

    assert isinstance(outcome, Measured), outcome


def test_a_client_that_copies_nothing_has_failed(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To end well at once is no victory."""
    rclone_that("exit 0", directory=tmp_path, monkeypatch=monkeypatch)

    outcome = copied(Client.RCLONE_4, source=source, directory=tmp_path)

    assert outcome == Failed(reason="4 of 4 blobs are missing, 0 have a wrong length or name []")


def test_a_client_that_fails_says_why(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason has what the program wrote."""
    rclone_that("echo no such remote >&2; exit 3", directory=tmp_path, monkeypatch=monkeypatch)

    outcome = copied(Client.RCLONE_4, source=source, directory=tmp_path)

    assert outcome == Failed(reason="rclone ended with 3: no such remote\n")


def test_a_client_that_hangs_has_failed(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ended after its time."""
    rclone_that("exec sleep 60", directory=tmp_path, monkeypatch=monkeypatch)

    outcome = copied(Client.RCLONE_4, source=source, directory=tmp_path, seconds=0.5)

    assert outcome == Failed(reason="rclone wasn't over after 0.5 s")


async def test_a_tree_counts_descendants() -> None:
    """CPU and memory of a child of a child belong to the tree."""
    spin = "import time; held = bytearray(64 << 20)\nwhile time.process_time() < 0.5: held[0] = 1"
    process = await asyncio.create_subprocess_exec("sh", "-c", f"python3 -c '{spin}' & wait")

    with watched(process.pid) as tree:
        async with asyncio.timeout(20):
            await process.wait()

    assert tree.peak_bytes > 64 * MIB
    assert tree.cpu_seconds > 0.2
