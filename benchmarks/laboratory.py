"""Runs experiments: each run on a destination that is new, all arms in turn, round after round."""

import contextlib
import dataclasses
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import servers
from benchmarks.clients import Client, Course, run
from benchmarks.experiments import Arm, Experiment, Place
from benchmarks.measured import Failed, Measured, Outcome
from benchmarks.phases import Phases
from benchmarks.ratios import Round, Row
from benchmarks.workloads import GIB, Pattern, size_text


class NoSpaceError(RuntimeError):
    """The disk is too full for what Azurite would write."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ArmSummary:
    """The medians of an arm's runs; None where all failed."""

    arm: str
    runs: int
    failed: tuple[str, ...]
    seconds: float | None
    files_per_second: float | None
    mb_per_second: float | None
    cpu_seconds: float | None
    peak_mib: float | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What an experiment came to."""

    name: str
    title: str
    destination: str
    #: The machine's load average of the last minute, before and after.
    load: tuple[float, float]
    took_seconds: float
    arms: tuple[ArmSummary, ...]
    rows: tuple[Row, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Laboratory:
    """Where experiments are run."""

    directory: Path
    #: The file server's address.
    source: str
    pattern: Pattern
    rounds: int
    #: A run fails if it takes longer.
    seconds: float
    say: Callable[[str], None]

    def find(self, experiment: Experiment) -> Finding:
        """Run an experiment."""
        before, began = os.getloadavg()[0], time.monotonic()
        count = min(self.rounds, experiment.rounds or self.rounds)
        rounds = [self._round(experiment, f"round {number} of {count}") for number in range(1, count + 1)]
        return Finding(
            name=experiment.name,
            title=experiment.title,
            destination=experiment.place.value,
            load=(round(before, 2), round(os.getloadavg()[0], 2)),
            took_seconds=round(time.monotonic() - began, 1),
            arms=tuple(summary(each, [found[each.label] for found in rounds]) for each in experiment.arms),
            rows=tuple(
                each.row(
                    rounds,
                    experiment=experiment.name,
                    workload=experiment.title,
                    destination=experiment.place.value,
                    ours=experiment.ours,
                )
                for each in experiment.measures
            ),
        )

    def _round(self, experiment: Experiment, name: str) -> Round:
        found: dict[str, Outcome] = {}
        for arm in experiment.arms:
            outcome = self._run(experiment, arm)
            self.say(f"  {name}: {told(arm, outcome)}")
            found[arm.label] = outcome
        return found

    def _run(self, experiment: Experiment, arm: Arm) -> Outcome:
        with contextlib.ExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=self.directory)))
            destination = stack.enter_context(self._destination(experiment.place, arm, directory))
            phases = Phases(
                source=self.source,
                warm=experiment.warm,
                counted=arm.workload,
                at_once=experiment.settings.at_once,
            )
            course = Course(
                phases=phases,
                destination=destination,
                directory=directory,
                settings=experiment.settings,
                seconds=self.seconds,
            )
            return run(arm.client, course, pattern=self.pattern)

    def _destination(
        self, place: Place, arm: Arm, directory: Path
    ) -> contextlib.AbstractContextManager[servers.Destination]:
        if place is Place.SINK:
            return servers.sink(directory)
        needed, free = arm.workload.bytes + GIB, shutil.disk_usage(directory).free
        if place is Place.DISK and free < needed:
            raise NoSpaceError(f"{size_text(needed)} have to be free in {directory}, and {size_text(free)} are")
        services = servers.SERVICES if arm.client is Client.PIPELINE else ("blob",)
        return servers.azurite(directory, on_disk=place is Place.DISK, services=services)


def summary(arm: Arm, outcomes: Sequence[Outcome]) -> ArmSummary:
    """The medians of an arm."""
    found = [each for each in outcomes if isinstance(each, Measured)]
    seconds = _median([each.seconds for each in found])
    return ArmSummary(
        arm=arm.label,
        runs=len(outcomes),
        failed=tuple(each.reason for each in outcomes if isinstance(each, Failed)),
        seconds=seconds,
        files_per_second=_median([arm.workload.count / each.seconds for each in found]),
        mb_per_second=_median([arm.workload.bytes / each.seconds / 1e6 for each in found]),
        cpu_seconds=_median([each.cpu_seconds for each in found]),
        peak_mib=_median([each.peak_mib for each in found]),
    )


def told(arm: Arm, outcome: Outcome) -> str:
    """One run in a line."""
    if isinstance(outcome, Failed):
        return f"{arm.label}: FAILED: {outcome.reason}"
    files, megabytes = arm.workload.count / outcome.seconds, arm.workload.bytes / outcome.seconds / 1e6
    return (
        f"{arm.label}: {outcome.seconds:.2f} s, {files:,.0f} files/s, {megabytes:,.0f} MB/s, "
        f"CPU {outcome.cpu_seconds:.2f} s, peak {outcome.peak_mib:,.0f} MiB"
    )


def _median(values: Sequence[float]) -> float | None:
    return round(statistics.median(values), 3) if values else None
