"""Many schedules, in one process or several, and what they came to together."""

import concurrent.futures
import dataclasses
import gc
import hashlib
import json
import logging
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Self

from tests.simulation.effects import Fault, Tally
from tests.simulation.world import run_seed

#: Schedules that a process runs before it reports.
_BATCH = 100
#: Failures that are kept.
_MOST_FAILURES = 20
_CRASHES = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER)


@dataclasses.dataclass(kw_only=True)
class Report:
    """What schedules came to."""

    tally: Tally = dataclasses.field(default_factory=Tally)
    #: Seeds, each with the first rule that it broke.
    failures: dict[int, str] = dataclasses.field(default_factory=dict[int, str])
    #: Of one core.
    seconds: float = 0.0
    #: How long each schedule took to get everything done once it was calm, in seconds.
    recoveries: list[float] = dataclasses.field(default_factory=list[float])
    #: Of the digests of all, in order.
    digest: str = ""

    def add(self, other: Self) -> None:
        """Count what came next, too."""
        self.tally.add(other.tally)
        for seed, what in sorted(other.failures.items()):
            if len(self.failures) < _MOST_FAILURES:
                self.failures[seed] = what
        self.seconds += other.seconds
        self.recoveries += other.recoveries
        self.digest = hashlib.sha256(f"{self.digest}{other.digest}".encode()).hexdigest()

    @property
    def figures(self) -> dict[str, int | float]:
        """The measures."""
        tally, faults = self.tally, self.tally.faults
        crashes = sum(count for (fault, _), count in faults.items() if fault in _CRASHES)
        return {
            "schedules": tally.others["schedules"],
            "failures": len(self.failures),
            "calls": sum(tally.reached.values()),
            "crashes": crashes,
            "other faults": sum(faults.values()) - crashes,
            "deliveries": tally.others["deliveries"],
            "redeliveries": tally.others["redeliveries"],
            "poisoned by the host": tally.others["poisoned by the host"],
            "median recovery, s": round(statistics.median(self.recoveries or [0.0]), 1),
            "longest recovery, s": round(max(self.recoveries, default=0.0), 1),
            "schedules per second and core": round(tally.others["schedules"] / max(self.seconds, 0.001), 1),
        }

    @property
    def crash_points(self) -> dict[str, tuple[int, int, int]]:
        """Of each call: how often it was made, and how often a process died before it and after it."""
        faults = self.tally.faults
        return {
            name: (count, faults[Fault.CRASH_BEFORE, name], faults[Fault.CRASH_AFTER, name])
            for name, count in sorted(self.tally.reached.items())
        }

    def encode(self, *, first: int, commit: str) -> str:
        """All of it as JSON, beside the first seed and what it ran on."""
        return json.dumps(
            {
                "commit": commit,
                "first": first,
                "figures": self.figures,
                "failures": self.failures,
                "crash_points": self.crash_points,
                "others": self.tally.others,
                "digest": self.digest,
            },
            indent=1,
        )


def run_all(
    *, first: int, schedules: int, processes: int = 1, told: Callable[[Report], None] = lambda _: None
) -> Report:
    """Run the schedules of so many seeds; ``told`` is told of what came of them so far."""
    report = Report()
    for each in _reports(first, schedules, processes):
        report.add(each)
        told(report)
    return report


def run_range(seeds: range) -> Report:
    """Run these one after the other."""
    report = Report()
    digests = hashlib.sha256()
    began = time.process_time()
    # The pipeline logs each failure, and there are many.
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        for seed in seeds:
            outcome = run_seed(seed).outcome
            report.tally.add(outcome.tally)
            report.recoveries.append(outcome.recovery.total_seconds())
            digests.update(outcome.digest.encode())
            if outcome.violations:
                report.failures[seed] = str(outcome.violations[0])
    finally:
        logging.disable(before)
    report.seconds = time.process_time() - began
    report.digest = digests.hexdigest()
    return report


def _reports(first: int, schedules: int, processes: int) -> Iterator[Report]:
    end = first + schedules
    ranges = [range(start, min(start + _BATCH, end)) for start in range(first, end, _BATCH)]
    # What is imported by now is garbage in no process.
    gc.freeze()
    if processes == 1:
        yield from map(run_range, ranges)
        return
    with concurrent.futures.ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("fork")) as pool:
        yield from pool.map(run_range, ranges)
