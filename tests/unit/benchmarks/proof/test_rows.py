import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.proof.reports import read_reports
from benchmarks.proof.rows import Row, rows
from tests.chaos.storm.checker import Verdict
from tests.unit.benchmarks.proof.made import figures, grown, models, plants, write_reports


def made(folder: Path, changes: Mapping[str, Mapping[str, Any]] = {}) -> Sequence[Row]:
    return list(rows(read_reports(write_reports(folder, changes))))


def test_all_is_well(tmp_path: Path) -> None:
    """Each proof with its cases, its goal, and nothing wrong."""
    found = made(tmp_path)

    assert [(each.proof, each.count, each.goal, each.violations, each.met) for each in found] == [
        ("simulated schedules", 1_000_000, ">= 1000000", 0, True),
        ("points at which a simulated process can die", 4, ">= 4", 0, True),
        ("all ways through small models", 200_000, ">= 10000", 0, True),
        ("bugs planted, to be found by the simulator", 25, ">= 25", 0, True),
        ("real workers killed in a storm", 500, ">= 500", 0, True),
        ("named points at which a real worker was killed", 14, ">= 14", 0, True),
        ("races of real workers for one blob", 1000, ">= 1000", 0, True),
        ("fuzzed bodies, pages, headers and settings", 120_000, ">= 100000", 0, True),
        ("names of blobs", 1_000_004, ">= 1000000", 0, True),
        ("addresses that lead astray", 651, ">= 400", 0, True),
        ("assets through one worker that doesn't grow", 5000, ">= 5000", 0, True),
    ]


def test_what_does_it_again(tmp_path: Path) -> None:
    """Each command has the counts and seeds of the run."""
    assert [each.again for each in made(tmp_path)] == [
        "python -m tests.simulation run --schedules 1000000 --seed 7",
        "python -m tests.simulation run --schedules 1000000 --seed 7",
        "python -m tests.simulation.exhaustive",
        "python -m tests.simulation.mutants",
        "python -m tests.chaos.storm --minutes 26 --seed 3",
        "python -m tests.chaos.storm --minutes 26 --seed 3",
        "python -m tests.chaos.races 1000",
        "python -m tests.fuzz --cases 60000 --seed 5",
        "python -m tests.fuzz.names --count 1000004 --seed 6",
        "python -m tests.fuzz.ssrf",
        "python -m tests.chaos.storm --soak --assets 5000",
    ]


@pytest.mark.parametrize(
    ("changes", "proof", "violations"),
    [
        ({"simulation": figures(failures=2)}, "simulated schedules", 2),
        ({"simulation": {"crash_points": {"copy:blobs.put": [9, 0, 0]}}}, "points at which a simulated", 2),
        ({"exhaustive": models(broken=["S1: lost"])}, "all ways through small models", 1),
        ({"mutants": plants(found=23)}, "bugs planted", 2),
        ({"chaos": {"lost": 1, "secrets": 2, "unfinished": 3}}, "real workers killed", 6),
        ({"chaos": {"kills_at_points": {f"after {number}": number for number in range(15)}}}, "named points", 1),
        ({"races": {"mixed": 1, "lies": 2}}, "races of real workers", 3),
        ({"fuzz": {"violations": 4}}, "fuzzed bodies", 4),
        ({"names": {"violations": 5}}, "names of blobs", 5),
        ({"ssrf": {"connects_outside": 1, "not_reached": 1, "unexpected_errors": 1}}, "addresses", 3),
        ({"soak": {"flat": False, "tasks": grown(end=200), "sockets": grown(end=150)}}, "assets through", 2),
        ({"soak": {"flat": False}}, "assets through", 1),
    ],
)
def test_what_is_wrong(tmp_path: Path, changes: Mapping[str, Mapping[str, Any]], proof: str, violations: int) -> None:
    """A goal is missed by whatever is wrong, however many cases there were, and no other goal is."""
    missed = [each for each in made(tmp_path, changes) if not each.met]

    assert [(each.proof.startswith(proof), each.violations) for each in missed] == [(True, violations)]


@pytest.mark.parametrize("name", [each.name for each in dataclasses.fields(Verdict) if each.type == tuple[str, ...]])
def test_whatever_a_storm_s_checker_finds_is_wrong(tmp_path: Path, name: str) -> None:
    """None of its violations is left out."""
    missed = [each for each in made(tmp_path, {"chaos": {name: 1}}) if not each.met]

    assert [(each.proof, each.violations) for each in missed] == [("real workers killed in a storm", 1)]


@pytest.mark.parametrize(
    ("changes", "proof", "count"),
    [
        ({"simulation": figures(schedules=999_999)}, "simulated schedules", 999_999),
        ({"exhaustive": models(ways=9999)}, "all ways through small models", 9999),
        ({"mutants": {"plants": []}}, "bugs planted", 0),
        ({"chaos": {"kills": 499}}, "real workers killed", 499),
        ({"chaos": {"kills_at_points": {"before put blob": 1}}}, "named points", 1),
        ({"races": {"races": 999}}, "races of real workers", 999),
        ({"fuzz": {"cases": 99_999}}, "fuzzed bodies", 99_999),
        ({"names": {"names": 999_999}}, "names of blobs", 999_999),
        ({"ssrf": {"cases": 399}}, "addresses", 399),
        ({"soak": {"assets": 4999}}, "assets through", 4999),
    ],
)
def test_too_few_cases(tmp_path: Path, changes: Mapping[str, Mapping[str, Any]], proof: str, count: int) -> None:
    """A goal is missed by one case less, though nothing is wrong."""
    missed = [each for each in made(tmp_path, changes) if not each.met]

    assert [(each.proof.startswith(proof), each.count, each.violations) for each in missed] == [(True, count, 0)]


@pytest.mark.parametrize("changes", [{"races": {"contested": 899}}, {"exhaustive": models(is_whole=False)}])
def test_what_proves_nothing(tmp_path: Path, changes: Mapping[str, Mapping[str, Any]]) -> None:
    """Races in which nobody met, and a model that wasn't gone through whole, miss their goal."""
    missed = [each for each in made(tmp_path, changes) if not each.met]

    assert [each.violations for each in missed] == [0]
