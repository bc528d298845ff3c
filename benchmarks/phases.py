"""What a client of ours does in its own process: a small workload to warm up, then the one that counts.

It prints what it found as one line of JSON. The time begins when the process is warm, since a worker lives long.
"""

import argparse
import asyncio
import dataclasses
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Self

import psutil

from benchmarks.workloads import File, Workload

#: Containers of the two workloads.
WARM, COUNTED = "warm", "counted"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Phases:
    """What to copy, and how many files at once."""

    source: str
    warm: Workload
    counted: Workload
    at_once: int

    @classmethod
    def read(cls, arguments: list[str]) -> Self:
        """Read them from the command line that ``arguments`` of the same object make."""
        parser = argparse.ArgumentParser()
        for each in dataclasses.fields(cls):
            parser.add_argument(f"--{each.name}", required=True)
        found = parser.parse_args(arguments)
        return cls(
            source=found.source,
            warm=Workload.parse(found.warm),
            counted=Workload.parse(found.counted),
            at_once=int(found.at_once),
        )

    @property
    def arguments(self) -> list[str]:
        """The command line's arguments."""
        told = {
            "source": self.source,
            "warm": self.warm.spec,
            "counted": self.counted.spec,
            "at_once": str(self.at_once),
        }
        return [text for name, value in told.items() for text in (f"--{name}", value)]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the process says of itself."""

    seconds: float
    cpu_seconds: float
    #: Of its memory when it was warm.
    base_bytes: int

    @classmethod
    def decode(cls, line: str) -> Self:
        """Read what was printed; raises ValueError or TypeError where that is something else."""
        return cls(**json.loads(line))


#: Copies one file, from its address to a container.
type CopyFile = Callable[[File, str, str], Awaitable[None]]


async def run(phases: Phases, copy: CopyFile) -> None:
    """Copy both workloads and print what was found. Raises what ``copy`` raises."""
    await _copy_all(phases.warm, WARM, phases=phases, copy=copy)
    base = psutil.Process().memory_info().rss
    began, cpu_began = time.perf_counter(), time.process_time()
    await _copy_all(phases.counted, COUNTED, phases=phases, copy=copy)
    found = Found(seconds=time.perf_counter() - began, cpu_seconds=time.process_time() - cpu_began, base_bytes=base)
    sys.stdout.write(json.dumps(dataclasses.asdict(found)) + "\n")


async def _copy_all(workload: Workload, container: str, *, phases: Phases, copy: CopyFile) -> None:
    files = workload.files

    async def work() -> None:
        for each in files:
            await copy(each, f"{phases.source}/{each.name}", container)

    async with asyncio.TaskGroup() as group:
        for _ in range(phases.at_once):
            group.create_task(work())
