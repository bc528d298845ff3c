"""What the tools of the long runs write is what is read."""

import dataclasses
from typing import Any

import pytest
from pydantic_core import to_json

from benchmarks.proof import reports
from tests.chaos.races import figures as figures_of_races
from tests.chaos.storm.checker import Verdict as StormVerdict
from tests.chaos.storm.soak import BOUNDS, Soaked
from tests.chaos.verdict import Verdict
from tests.fuzz import ssrf
from tests.fuzz.__main__ import report as report_of_fuzz
from tests.fuzz.names import Census
from tests.fuzz.names import report as report_of_names
from tests.simulation.exhaustive.exploring import Explored
from tests.simulation.mutants import Catch
from tests.simulation.running import Report

_VERDICT = Verdict(
    races=3,
    contested=2,
    between_processes=1,
    lost=("a", "b"),
    mixed=(),
    lies=(),
    overwritten=(),
    poisoned=("c",),
    unfinished=0,
)
_CATCH = Catch(plant="rows first", says="the row before the blob", after=None, model=None, broke="", seeds=0, of=200)
_SOAKED = Soaked(assets=5, wanted=5, seconds=1.0, grown=dict.fromkeys(BOUNDS, (1.0, 2.0, 0.1)))


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        (reports.Exhaustive, {"models": [{"name": "small", **dataclasses.asdict(Explored())}]}),
        (reports.Mutants, {"plants": [dataclasses.asdict(_CATCH)]}),
        (reports.Races, {**figures_of_races(_VERDICT), "repeated_deliveries": 0}),
        (reports.Fuzz, report_of_fuzz([], seed=1, seconds=0.5)),
        (reports.Names, report_of_names(Census(), seed=1, seconds=0.5)),
        (reports.Ssrf, ssrf.report([])),
        (reports.Soak, _SOAKED.figures),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_each_is_read(kind: type[reports.Report], written: Any) -> None:
    """All that is read stands there, and is of its type."""
    assert kind.model_validate_json(to_json({"commit": "abc", **written})).commit == "abc"


def test_schedules_are_read() -> None:
    """The simulator writes its own JSON, with its first seed and its commit."""
    found = reports.Simulation.model_validate_json(Report().encode(first=7, commit="abc"))

    assert (found.first, found.commit, found.figures.schedules) == (7, "abc", 0)


def test_all_faults_of_races_count() -> None:
    """Each has a figure of its own."""
    found = figures_of_races(_VERDICT)

    assert sum(map(len, _VERDICT.faults.values())) == found["lost"] + found["poisoned_wrongly"]
    assert [name.replace(" ", "_") in found for name in _VERDICT.faults] == [True] * len(_VERDICT.faults)


def test_all_violations_of_storms_are_read() -> None:
    """Whatever a storm's checker looks for, its report has to say."""
    names = {each.name for each in dataclasses.fields(StormVerdict)}

    assert names - reports.Chaos.model_fields.keys() == set()
