"""The clients, each run once on a destination of its own: Sluice whole or its engine alone, rclone, a plain loop."""

import dataclasses
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from benchmarks.checking import WrongDestinationError, check
from benchmarks.folder import install
from benchmarks.measured import Failed, Measured, Outcome, RunFailedError, Settings
from benchmarks.phases import COUNTED, WARM, Found, Phases
from benchmarks.pipeline import run_pipeline
from benchmarks.servers import Destination
from benchmarks.trees import watched
from benchmarks.workloads import Pattern
from demo.processes import StartError, end
from demo.status import NoRunError

_ROOT = Path(__file__).resolve().parent.parent
_TAIL = 600


class Client(StrEnum):
    """Who copies."""

    PIPELINE = "Sluice"
    ENGINE = "Sluice's engine"
    RCLONE_4 = "rclone, 4 transfers"
    RCLONE_16 = "rclone, 16 transfers"
    PLAIN = "azure-storage-blob loop"

    @property
    def is_ours(self) -> bool:
        """Whether it is Sluice in one form or the other."""
        return self in {Client.PIPELINE, Client.ENGINE}

    @property
    def is_rclone(self) -> bool:
        """Whether it is rclone in one form or the other."""
        return self in {Client.RCLONE_4, Client.RCLONE_16}


_TRANSFERS = {Client.RCLONE_4: 4, Client.RCLONE_16: 16}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One run: what, to where, how."""

    phases: Phases
    destination: Destination
    #: For what it needs to write, its logs among it.
    directory: Path
    settings: Settings
    #: It has failed if it takes longer.
    seconds: float


def run(client: Client, course: Course, *, pattern: Pattern) -> Outcome:
    """Have a client copy, then look at the destination; whatever goes wrong is an outcome, too."""
    try:
        course.destination.make(WARM, COUNTED)
        measured = _run(client, course)
        check(course.destination, COUNTED, workload=course.phases.counted, pattern=pattern)
    except (RunFailedError, WrongDestinationError, StartError, NoRunError) as error:
        return Failed(reason=str(error))
    return measured


def _run(client: Client, course: Course) -> Measured:
    connection = course.destination.connection_string
    match client:
        case Client.PIPELINE:
            return run_pipeline(
                course.phases,
                directory=course.directory,
                destination=course.destination,
                settings=course.settings,
                seconds=course.seconds,
            )
        case Client.ENGINE:
            root = install(course.directory / "app", course.phases)
            command = [sys.executable, "-m", "benchmarks.engine", str(root), *course.phases.arguments]
            return _run_ours(command, course, environment=course.settings.environment(connection))
        case Client.PLAIN:
            command = [sys.executable, "-m", "benchmarks.plain", *course.phases.arguments]
            return _run_ours(command, course, environment={"PLAIN_STORAGE": connection})
        case Client.RCLONE_4 | Client.RCLONE_16:
            return _run_rclone(_TRANSFERS[client], course)


def _run_ours(command: Sequence[str], course: Course, *, environment: Mapping[str, str]) -> Measured:
    ended = _Ended.of(command, course, environment=environment)
    try:
        found = Found.decode(ended.output.decode())
    except (ValueError, TypeError) as error:
        raise RunFailedError(f"{command[2]} printed {ended.output!r}") from error
    return Measured(
        seconds=found.seconds,
        cpu_seconds=found.cpu_seconds,
        peak_bytes=ended.peak_bytes,
        base_bytes=found.base_bytes,
    )


def _run_rclone(transfers: int, course: Course) -> Measured:
    """Copy both workloads by a process each: rclone lists its source itself, and asks nothing of the destination."""
    phases = course.phases
    for container, workload in ((WARM, phases.warm), (COUNTED, phases.counted)):
        command = [
            *("rclone", "copy", "--config=", f"--transfers={transfers}", "--no-check-dest", "--retries=1"),
            *("--http-url", f"{phases.source}/{workload.spec}/", ":http:"),
            *("--azureblob-sas-url", course.destination.sas_url, f":azureblob:{container}/{workload.spec}"),
        ]
        ended = _Ended.of(command, course, environment={})
    return Measured(seconds=ended.seconds, cpu_seconds=ended.cpu_seconds, peak_bytes=ended.peak_bytes)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """A process that ended well."""

    output: bytes
    seconds: float
    cpu_seconds: float
    peak_bytes: int

    @classmethod
    def of(cls, command: Sequence[str], course: Course, *, environment: Mapping[str, str]) -> "_Ended":
        """Run a process to its end; raises RunFailedError where it fails or takes too long."""
        log = course.directory / "client.log"
        used, began = _cpu_of_children(), time.perf_counter()
        with log.open("wb") as errors, _started(command, environment=environment, errors=errors) as process:
            try:
                with watched(process.pid) as tree:
                    output, _ = process.communicate(timeout=course.seconds)
                    seconds = time.perf_counter() - began
            except subprocess.TimeoutExpired as error:
                raise RunFailedError(f"{command[0]} wasn't over after {course.seconds:g} s") from error
            finally:
                end(process)
        if process.returncode:
            tail = log.read_text(encoding="utf-8", errors="replace")[-_TAIL:]
            raise RunFailedError(f"{command[0]} ended with {process.returncode}: {tail}")
        return cls(
            output=output,
            seconds=seconds,
            cpu_seconds=_cpu_of_children() - used,
            peak_bytes=tree.peak_bytes,
        )


def _started(command: Sequence[str], *, environment: Mapping[str, str], errors: BinaryIO) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command,
        cwd=_ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=errors,
        start_new_session=True,
    )


def _cpu_of_children() -> float:
    """Of those that were waited for, and theirs."""
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime
