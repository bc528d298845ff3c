"""A judge that finds nothing proves nothing: here are things to be found."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.fuzz.__main__ import main
from tests.fuzz.isolating import run_apart
from tests.fuzz.judging import HungError, Inline, Judge, Verdict, hangs_end
from tests.fuzz.planted import EXPECTED, PLANTED, planted_targets
from tests.fuzz.running import run_case, run_target
from tests.fuzz.target import Target


@pytest.mark.parametrize("target", [each for each in PLANTED if each.name != "dying"], ids=lambda target: target.name)
def test_what_is_wrong_is_found(target: Target) -> None:
    """Each sort of violation is reported with its case, and what brings the case again."""
    found = (
        run_target(target, numbers=range(60), seed=0)
        if target.name in _RARE
        else run_target(target, numbers=[0], seed=0)
    )

    first = found.violations[0]
    assert EXPECTED[target.name] in first.said
    assert first.replay == f"python -m tests.fuzz --target {target.name} --seed 0 --case {first.number}"
    assert first.told()["hex"] == first.case[:2048].hex()
    assert run_case(target, first.case).violated == 1


_RARE = {"raises", "recursion"}


def test_a_process_that_dies_is_found() -> None:
    """The case that was worked is blamed, and the others are worked all the same."""
    found = run_apart(["dying", "group"], load=planted_targets, cases=2, seed=0, processes=1)

    assert [(each.target, each.cases, each.violated) for each in found] == [("group", 2, 2), ("dying", 2, 2)]
    assert {each.said for each in found[1].violations} == {EXPECTED["dying"]}


async def test_what_hangs_is_ended() -> None:
    """Work without an end, on the processor or waiting, is a violation and no hang of the fuzzer."""

    async def works(_: bytes) -> None:
        while True:
            pass

    async def waits(_: bytes) -> None:
        await asyncio.Event().wait()

    asyncio.get_running_loop().set_default_executor(Inline(max_workers=1))
    with hangs_end():
        found = [
            await Judge(run, allowed=(), hang_seconds=0.05, wait_seconds=0.05).judge(b"", measures_memory=False)
            for run in (works, waits)
        ]

    assert [each.outcome for each in found] == [HungError.__name__] * 2
    assert all(each.violation is not None for each in found)


async def test_allowed_errors_are_counted() -> None:
    """An error that the target names is an outcome as any."""

    async def refuses(_: bytes) -> None:
        raise ValueError("no")

    verdict = await Judge(refuses, allowed=(ValueError,)).judge(b"", measures_memory=False)

    assert verdict == Verdict(outcome="ValueError", seconds=verdict.seconds, peak_bytes=verdict.peak_bytes)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It fails where something is wrong, and says what in its table and in its file."""
    file = tmp_path / "found.json"

    status = main(["--planted", "--target", "promise", "--cases", "2", "--json", str(file)])

    document = json.loads(file.read_text())
    assert (status, document["violations"], document["targets"][0]["outcomes"]) == (1, 2, {"AssertionError": 2})
    assert "python -m tests.fuzz --target promise --seed 0 --case 0" in capsys.readouterr().out
