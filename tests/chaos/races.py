"""``python -m tests.chaos.races 1000``: workers race for the same blobs, again and again, while the source changes."""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.surroundings import commit
from tests.chaos.arena import Arena, open_arena, stopping
from tests.chaos.plants import Plant
from tests.chaos.race import Race, begin
from tests.chaos.verdict import CONTESTED, Verdict, judge
from tests.end_to_end.background import in_background

#: Messages in the lanes: more would make Azurite slow, and no race harder.
_WINDOW = 60
#: For all races, and more for each.
_START_SECONDS, _RACE_SECONDS = 30.0, 1.5
#: Between two looks at the lanes.
_LOOK_SECONDS = 0.1
_SHOWN = 5


def main(arguments: Sequence[str]) -> int:
    """Run the races and print what they came to; returns 0 only if nothing is wrong, else leaves the hosts' logs."""
    chosen, at = _parser().parse_args(arguments), commit()
    directory = Path(tempfile.mkdtemp(prefix="sluice-races-"))
    begun = time.monotonic()
    with open_arena(directory, workers=chosen.workers, fault=chosen.plant) as arena:
        started = time.monotonic()
        verdict = run(arena, numbers=range(chosen.races))
        seconds = time.monotonic() - started
        for line in (*_lines(verdict), *_circumstances(arena)):
            sys.stdout.write(f"{line}\n")
        if chosen.json is not None:
            found = {"commit": at, **figures(verdict), "repeated_deliveries": arena.repeated_deliveries()}
            chosen.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(
        f"{verdict.races} races in {seconds:.1f} s ({seconds / max(verdict.races, 1):.3f} s each, "
        f"{started - begun:.1f} s to start {chosen.workers} workers): "
        f"{'good' if verdict.is_good else f'NOT GOOD, see the logs in {directory}'}\n"
    )
    if verdict.is_good:
        shutil.rmtree(directory)
    return 0 if verdict.is_good else 1


def run(arena: Arena, *, numbers: Sequence[int]) -> Verdict:
    """Run these races and judge them; messages that aren't done in time are reported, not waited for."""
    deadline = time.monotonic() + _START_SECONDS + len(numbers) * _RACE_SECONDS
    races: list[Race] = []
    with in_background(stopping(arena.hosts)):
        while time.monotonic() < deadline:
            outstanding = arena.outstanding()
            if len(races) < len(numbers) and outstanding < _WINDOW:
                races.append(begin(numbers[len(races)], arena.source))
                arena.send(races[-1])
            elif len(races) == len(numbers) and not outstanding and not arena.in_flight():
                break
            else:
                time.sleep(_LOOK_SECONDS)
    return judge(arena.evidence(races))


def figures(verdict: Verdict) -> Mapping[str, int]:
    """The measures, as JSON has them."""
    return {
        "races": verdict.races,
        "contested": verdict.contested,
        "between_processes": verdict.between_processes,
        "lost": len(verdict.lost),
        "mixed": len(verdict.mixed),
        "lies": len(verdict.lies),
        "overwritten": len(verdict.overwritten),
        "poisoned_wrongly": len(verdict.poisoned),
        "unfinished": verdict.unfinished,
    }


def _parser() -> argparse.ArgumentParser:
    command = argparse.ArgumentParser(prog="python -m tests.chaos.races", description="Workers race for blobs.")
    command.add_argument("races", type=int, help="how many")
    command.add_argument("--workers", type=int, choices=range(1, 5), default=3, help="hosts with a worker each")
    command.add_argument("--plant", type=Plant, choices=list(Plant), help="a fault that has to be reported")
    command.add_argument("--json", type=Path, metavar="FILE", help="write the measures into this file, too")
    return command


def _lines(verdict: Verdict) -> Iterator[str]:
    share = verdict.contested / max(verdict.races, 1)
    yield f"races              {verdict.races:6}"
    yield f"contested          {verdict.contested:6}  {share:.1%}, at least {CONTESTED:.0%} have to be"
    yield f"  by two processes {verdict.between_processes:6}"
    for name, cases in verdict.faults.items():
        yield f"{name:18} {len(cases):6}"
        yield from (f"    {each}" for each in cases[:_SHOWN])


def _circumstances(arena: Arena) -> Iterator[str]:
    made = [each for each in arena.log.writes if each.made is not None]
    replaced = sum(each.replaced is not None for each in made)
    versions = sum(map(len, arena.source.served.values()))
    yield (
        f"{versions} versions served, {len(made)} blobs made, {replaced} of them in the place of another; "
        f"{arena.repeated_deliveries()} repeated deliveries; "
        f"{arena.watch.looks} looks by the reader, {len(arena.watch.seen)} found a blob that was new to it"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
