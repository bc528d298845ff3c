"""The figures of a storm, for people and for programs."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.chaos.storm.checker import Evidence, Verdict
from tests.chaos.storm.deaths import Death
from tests.chaos.storm.faults import Fault
from tests.chaos.storm.fleet import GRACES
from tests.chaos.storm.points import POINTS
from tests.chaos.storm.recovery import quantile, recoveries
from tests.chaos.storm.stage import Stage

_SHOWN = 5


def figures(stage: Stage, evidence: Evidence, verdict: Verdict) -> Mapping[str, Any]:
    """All figures, as JSON has them."""
    deliveries = stage.deliveries()
    deaths, weather = stage.fleet.counts(), stage.doors.weather
    times = list(recoveries(stage.fleet.kills, deliveries))
    return {
        "seed": stage.storm.seed,
        "seconds": round(stage.ended - stage.began, 1),
        "kills": deaths[Death.WORKER] + deaths[Death.HOST],
        "kills_at_points": {each.name: stage.doors.points.fired[each] for each in POINTS},
        "sigterms": deaths[Death.TERMINATED],
        "sigterms_by_grace": _by_grace(stage),
        "host_crashes": stage.fleet.crashes,
        "faults": sum(weather.counts.values()),
        "faults_by_cell": {
            f"{operation}: {fault}": count for (operation, fault), count in sorted(weather.counts.items())
        },
        "requests": sum(weather.requests.values()),
        "lies": {lie.value: count for lie, count in sorted(stage.source.told.items())},
        "deliveries": len(deliveries.all),
        "duplicates_delivered": sum(each.dequeue_count > 1 for each in deliveries.all) + stage.duplicates,
        "messages_sent_twice": stage.duplicates,
        "assets": len(stage.attempted),
        "acknowledged": len(evidence.acknowledged),
        "copied": len({each.identity for each in stage.doors.history.rows}),
        "looks": stage.watch.looks,
        **{name: len(cases) for name, cases in verdict.violations.items()},
        "poisoned_by_kills": verdict.poisoned_by_kills,
        "poisoned_by_kills_deliveries": _of_poisoned(evidence),
        "recovered": verdict.recovered,
        "recovery_median_seconds": _rounded(quantile(times, 0.5)),
        "recovery_p99_seconds": _rounded(quantile(times, 0.99)),
    }


def lines(stage: Stage, verdict: Verdict, found: Mapping[str, Any]) -> Iterator[str]:
    """A table for people."""
    for name, value in found.items():
        if not isinstance(value, Mapping):
            yield f"{name:28} {value}"
    points = found["kills_at_points"]
    yield f"{'points at which one was killed':28} {sum(map(bool, points.values()))} of {len(points)}"
    yield f"{'cells of operation x fault':28} {len(found['faults_by_cell'])} of {_cells(stage)}"
    graces = ", ".join(f"{count} after {grace}" for grace, count in found["sigterms_by_grace"].items())
    yield f"{'told to stop':28} {graces}"
    yield f"{'lies':28} {', '.join(f'{name} {count}' for name, count in found['lies'].items())}"
    for name, cases in verdict.violations.items():
        for each in cases[:_SHOWN]:
            yield f"VIOLATION {name}: {each}"


def _of_poisoned(evidence: Evidence) -> Mapping[str, int]:
    """What became of the deliveries of what hosts put aside because of deaths."""
    found = [each for poisoned in evidence.sent_back for each in poisoned.deliveries]
    return {
        "died": sum(each.died for each in found),
        "failed": sum(not each.died and not each.ok for each in found),
        "done, but not acknowledged": sum(bool(each.ok) for each in found),
    }


def _by_grace(stage: Stage) -> Mapping[str, int]:
    graces = [each.grace_seconds for each in stage.fleet.kills if each.grace_seconds is not None]
    return {f"{grace:g} s": graces.count(grace) for grace in GRACES}


def _cells(stage: Stage) -> str:
    operations = [each for each, count in stage.doors.weather.requests.items() if count and each != "other"]
    return f"{len(operations) * len(Fault)} ({len(operations)} operations, {len(Fault)} faults)"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
