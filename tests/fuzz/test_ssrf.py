"""Requests that are led astray, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

from tests.fuzz import ssrf
from tests.unit.egress.corpus import Case
from tests.unit.egress.urls import PUBLIC


def test_nothing_outside_is_connected_to(tmp_path: Path, root: Path) -> None:
    """More than 400 cases, and no connect() that a case doesn't allow; what is allowed is reached."""
    file = tmp_path / "ssrf.json"

    ended = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.ssrf", "--json", str(file)],
        cwd=root,
        timeout=100,
        check=False,
        capture_output=True,
        text=True,
    )

    found = json.loads(file.read_text())
    assert (ended.returncode, found["connects_outside"], found["wrong"]) == (0, 0, [])
    assert found["cases"] >= 600
    assert found["connects"] >= 200
    assert min(found["kinds"].values()) >= 2


async def test_connections_are_judged_and_not_verdicts() -> None:
    """A URL that is let through though its case says that nothing may be connected to is found."""
    outcome = await ssrf.asked(Case(kind="planted", url="https://data.example.org/"))

    found = ssrf.report([outcome])
    assert (outcome.outside, found["connects_outside"], len(found["wrong"])) == (((PUBLIC, 443),), 1, 1)


async def test_what_isn_t_reached_is_found() -> None:
    """A client that refuses everything isn't taken for a safe one."""
    outcome = await ssrf.asked(Case(kind="planted", url="https://evil.org/", connects=((PUBLIC, 443),)))

    assert (outcome.outside, outcome.reaches) == ((), False)


def test_names_move_everywhere() -> None:
    """Every forbidden address is where a name moves to between two hops."""
    found = list(ssrf.moving())

    assert len(found) >= 90
    assert {each.status for each in found} == {301, 302, 303, 307, 308}
