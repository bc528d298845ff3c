"""What each proof was to come to, and came to."""

import dataclasses
import statistics
from collections.abc import Iterator

from benchmarks.proof.reports import (
    Chaos,
    Exhaustive,
    Fuzz,
    Mutants,
    Names,
    Races,
    Report,
    Reports,
    Simulation,
    Soak,
    Ssrf,
)

#: Part of all races in which two invocations have to have met.
_CONTESTED = 0.9


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A proof: its goal is so many cases, in none of which anything is wrong."""

    proof: str
    count: int
    violations: int
    goal: str
    met: bool
    note: str
    #: What does it once more.
    again: str
    #: What it ran on; None: its report didn't say.
    commit: str | None


def rows(reports: Reports) -> Iterator[Row]:
    """All of them."""
    yield _schedules(reports.simulation)
    yield _crash_points(reports.simulation)
    yield _ways(reports.exhaustive)
    yield _planted(reports.mutants)
    yield _kills(reports.chaos)
    yield _points(reports.chaos)
    yield _races(reports.races)
    yield _fuzz(reports.fuzz)
    yield _names(reports.names)
    yield _ssrf(reports.ssrf)
    yield _soak(reports.soak)


def _row(
    report: Report, proof: str, *, count: int, violations: int, goal: int, note: str, again: str, holds: bool = True
) -> Row:
    """``holds``: whatever else its goal asks for."""
    return Row(
        proof=proof,
        count=count,
        violations=violations,
        goal=f">= {goal}",
        met=count >= goal and not violations and holds,
        note=note,
        again=again,
        commit=report.commit,
    )


def _schedules(report: Simulation) -> Row:
    figures = report.figures
    return _row(
        report,
        "simulated schedules",
        count=figures.schedules,
        violations=figures.failures,
        goal=1_000_000,
        note=f"{figures.calls:,} awaits, {figures.crashes:,} crashes and {figures.other_faults:,} other faults",
        again=f"python -m tests.simulation run --schedules {figures.schedules} --seed {report.first}",
    )


def _crash_points(report: Simulation) -> Row:
    """Two of each call: before it, and after it."""
    points = [times for _, *both in report.crash_points.values() for times in both]
    missed = sum(not each for each in points)
    return _row(
        report,
        "points at which a simulated process can die",
        count=len(points) - missed,
        violations=missed,
        goal=len(points),
        note=f"before and after each of {len(report.crash_points)} calls; wrong: those at which none has died",
        again=f"python -m tests.simulation run --schedules {report.figures.schedules} --seed {report.first}",
    )


def _ways(report: Exhaustive) -> Row:
    states = sum(each.states for each in report.models)
    return _row(
        report,
        "all ways through small models",
        count=sum(each.ways for each in report.models),
        violations=sum(len(each.broken) for each in report.models),
        goal=10_000,
        note=f"{len(report.models)} models, {states:,} states, none left out",
        again="python -m tests.simulation.exhaustive",
        holds=all(each.is_whole for each in report.models),
    )


def _planted(report: Mutants) -> Row:
    after = [each.after for each in report.plants if each.after is not None]
    found = sum(each.is_found for each in report.plants)
    soon = f"after {statistics.median(after):g} (median) and {max(after):,} (worst) of them" if after else "after none"
    return _row(
        report,
        "bugs planted, to be found by the simulator",
        count=len(report.plants),
        violations=len(report.plants) - found,
        goal=25,
        note=f"{len(after)} by schedules, {soon}, {found - len(after)} by small models; wrong: those by neither",
        again="python -m tests.simulation.mutants",
    )


def _kills(report: Chaos) -> Row:
    wrong = (
        *(report.lost, report.unexpected, report.duplicated_effects, report.corrupt, report.ledger_lies),
        *(report.overwritten, report.poisoned_wrongly, report.unpublished, report.mortal, report.secrets),
        report.unfinished,
    )
    return _row(
        report,
        "real workers killed in a storm",
        count=report.kills,
        violations=sum(wrong),
        goal=500,
        note=f"{report.assets:,} assets, {report.deliveries:,} deliveries, {report.faults:,} faults between worker and "
        f"storage in {len(report.faults_by_cell)} ways, {report.sigterms:,} told to stop; {report.poisoned_by_kills:,} "
        "put aside by their hosts after repeated deaths, and done when they were sent back",
        again=_storm(report),
    )


def _points(report: Chaos) -> Row:
    hit = sum(bool(each) for each in report.kills_at_points.values())
    return _row(
        report,
        "named points at which a real worker was killed",
        count=hit,
        violations=len(report.kills_at_points) - hit,
        goal=14,
        note="before storage got a request, or after it had answered and before the worker knew; "
        "wrong: those at which none was killed",
        again=_storm(report),
    )


def _storm(report: Chaos) -> str:
    return f"python -m tests.chaos.storm --minutes {max(1, round(report.seconds / 60))} --seed {report.seed}"


def _races(report: Races) -> Row:
    return _row(
        report,
        "races of real workers for one blob",
        count=report.races,
        violations=report.lost
        + report.mixed
        + report.lies
        + report.overwritten
        + report.poisoned_wrongly
        + report.unfinished,
        goal=1000,
        note=f"two met in {report.contested:,} ({_CONTESTED:.0%} have to), of two processes in "
        f"{report.between_processes:,}; {report.repeated_deliveries:,} repeated deliveries",
        again=f"python -m tests.chaos.races {report.races}",
        holds=report.contested >= _CONTESTED * report.races,
    )


def _fuzz(report: Fuzz) -> Row:
    return _row(
        report,
        "fuzzed bodies, pages, headers and settings",
        count=report.cases,
        violations=report.violations,
        goal=100_000,
        note=f"{len(report.targets)} readers; the slowest {report.slowest_ms:g} ms of 50, "
        f"the largest {report.peak_mib:g} MiB of 64",
        again=f"python -m tests.fuzz --cases {report.cases // max(1, len(report.targets))} --seed {report.seed}",
    )


def _names(report: Names) -> Row:
    return _row(
        report,
        "names of blobs",
        count=report.names,
        violations=report.violations,
        goal=1_000_000,
        note=f"{report.distinct:,} different ones, {report.refused:,} refused; each of one asset, and read again",
        again=f"python -m tests.fuzz.names --count {report.names} --seed {report.seed}",
    )


def _ssrf(report: Ssrf) -> Row:
    return _row(
        report,
        "addresses that lead astray",
        count=report.cases,
        violations=report.connects_outside + report.not_reached + report.unexpected_errors,
        goal=400,
        note=f"{len(report.kinds)} kinds; {report.connects:,} connections seen, {report.connects_outside:,} to where "
        "none may go",
        again="python -m tests.fuzz.ssrf",
    )


def _soak(report: Soak) -> Row:
    measures = {
        "MiB": report.rss_mib,
        "descriptors": report.descriptors,
        "sockets": report.sockets,
        "tasks": report.tasks,
    }
    grown = sum(each.end - each.warm > each.bound for each in measures.values())
    return _row(
        report,
        "assets through one worker that doesn't grow",
        count=report.assets,
        violations=max(grown, int(not report.flat)),
        goal=5000,
        note=", ".join(f"{each.warm:g} {name} warm and {each.end:g} at the end" for name, each in measures.items()),
        again=f"python -m tests.chaos.storm --soak --assets {report.assets}",
    )
