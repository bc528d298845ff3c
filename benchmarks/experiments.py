"""What is compared with what, and the goals."""

import dataclasses
from collections.abc import Sequence
from enum import StrEnum

from benchmarks.clients import Client
from benchmarks.measured import Settings
from benchmarks.ratios import Goal, Measure, cpu, growth, memory, speed, within
from benchmarks.workloads import GIB, KIB, MIB, Group, Workload

_SMALL = 16 * KIB
_RIVALS = (Client.RCLONE_4, Client.RCLONE_16)
_WARM_SMALL = Workload((Group(count=200, size=_SMALL),))
_WARM_LARGE = Workload((Group(count=4, size=16 * MIB),))
_WARM_BOTH = Workload((*_WARM_SMALL.groups, *_WARM_LARGE.groups))
#: Large files by few at once and in little memory, as goals for memory ask; what is gained by more is little.
_LARGE_SETTINGS = Settings(at_once=4, memory_mib=32, block_mib=4)
_TO_SINK = dataclasses.replace(_LARGE_SETTINGS, block_check="crc64")
_GROWTH = (1_000, 5_000, 20_000)
_MEMORY_FILES = 24


class Place(StrEnum):
    """What is copied to."""

    MEMORY = "Azurite in memory"
    DISK = "Azurite on disk"
    SINK = "discarding server"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One client with one workload."""

    label: str
    client: Client
    workload: Workload


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """Arms that run in turn, round after round, and what their runs are measured by."""

    name: str
    title: str
    place: Place
    warm: Workload
    settings: Settings
    arms: tuple[Arm, ...]
    measures: tuple[Measure, ...]
    #: At most so many rounds; None: as many as are asked for.
    rounds: int | None = None

    @property
    def short(self) -> "Experiment":
        """The same without the client that no goal names."""
        return dataclasses.replace(self, arms=tuple(each for each in self.arms if each.client is not Client.PLAIN))

    @property
    def ours(self) -> tuple[str, ...]:
        """The arms in which Sluice runs."""
        return tuple(each.label for each in self.arms if each.client.is_ours)


def experiments(scale: float) -> Sequence[Experiment]:
    """All of them; a scale below one makes their workloads smaller."""
    return (
        _compared(
            "small-pipeline",
            Workload((Group(count=5000, size=_SMALL),)).scaled(scale),
            place=Place.MEMORY,
            ours=Client.PIPELINE,
            warm=_WARM_SMALL,
            settings=Settings(saturation=3),
            goals={"speed": 1.0},
        ),
        _compared(
            "large-disk",
            Workload((Group(count=40, size=64 * MIB),)).scaled(scale),
            place=Place.DISK,
            ours=Client.ENGINE,
            warm=_WARM_LARGE,
            settings=_LARGE_SETTINGS,
            goals={"speed": 1.3, "memory": 0.25},
        ),
        _compared(
            "giant-disk",
            Workload((Group(count=1, size=2 * GIB),)).scaled(scale),
            place=Place.DISK,
            ours=Client.ENGINE,
            warm=_WARM_LARGE,
            settings=_LARGE_SETTINGS,
            goals={"speed": 1.2, "memory": 0.5},
        ),
        _compared(
            "small-engine",
            Workload((Group(count=5000, size=_SMALL),)).scaled(scale),
            place=Place.SINK,
            ours=Client.ENGINE,
            warm=_WARM_SMALL,
            settings=Settings(at_once=32),
            goals={"cpu": 2.0},
        ),
        _compared(
            "large-engine",
            Workload((Group(count=40, size=64 * MIB),)).scaled(scale),
            place=Place.SINK,
            ours=Client.ENGINE,
            warm=_WARM_LARGE,
            settings=_TO_SINK,
            goals={"speed": 1.2, "memory": 0.25},
        ),
        _compared(
            "mix",
            Workload(
                (
                    Group(count=2000, size=_SMALL),
                    Group(count=100, size=4 * MIB),
                    Group(count=4, size=512 * MIB),
                )
            ).scaled(scale),
            place=Place.DISK,
            ours=Client.PIPELINE,
            warm=_WARM_BOTH,
            settings=Settings(saturation=3),
            goals={"speed": 1.2},
        ),
        _growing(scale),
        _bounded(scale),
    )


_TITLES = {"speed": "times as fast as rclone", "memory": "peak memory / rclone's", "cpu": "CPU / rclone's"}
_RATIOS = {"speed": speed, "memory": memory, "cpu": cpu}


def _compared(
    name: str,
    workload: Workload,
    *,
    place: Place,
    ours: Client,
    warm: Workload,
    settings: Settings,
    goals: dict[str, float],
) -> Experiment:
    whole = "whole pipeline" if ours is Client.PIPELINE else "engine only"
    return Experiment(
        name=name,
        title=f"{workload.title}, {whole}",
        place=place,
        warm=warm,
        settings=settings,
        arms=tuple(
            Arm(label=client.value, client=client, workload=workload) for client in (ours, *_RIVALS, Client.PLAIN)
        ),
        measures=tuple(
            Measure(
                title=_TITLES[each],
                goal=Goal(bound=bound, at_least=each == "speed"),
                ratio=_RATIOS[each](ours.value, _RIVALS),
            )
            for each, bound in goals.items()
        ),
    )


def _growing(scale: float) -> Experiment:
    """Runs of more and more files, whose requests discovery withholds: no file may cost more for the others."""
    workloads = [Workload((Group(count=each, size=_SMALL),)).scaled(scale) for each in _GROWTH]
    arms = tuple(Arm(label=f"{each.count:,} files", client=Client.PIPELINE, workload=each) for each in workloads)
    counts = {each.label: each.workload.count for each in arms}
    goal = Goal(bound=1.1, at_least=False)
    return Experiment(
        name="growth",
        title=f"{' / '.join(f'{each.count:,}' for each in workloads)} x 16 KiB, whole pipeline, withheld",
        place=Place.MEMORY,
        warm=_WARM_SMALL,
        settings=Settings(saturation=3),
        arms=arms,
        measures=(
            Measure(
                title="time a file, most / fewer files", goal=goal, ratio=growth(counts, lambda each: each.seconds)
            ),
            Measure(
                title="CPU a file, most / fewer files", goal=goal, ratio=growth(counts, lambda each: each.cpu_seconds)
            ),
        ),
    )


def _bounded(scale: float) -> Experiment:
    workload = Workload((Group(count=_MEMORY_FILES, size=GIB, fixed_count=True),)).scaled(scale)
    settings = Settings(at_once=_MEMORY_FILES, block_check="crc64")
    label = Client.ENGINE.value
    return Experiment(
        name="memory",
        title=f"{workload.title}, all at once, engine only",
        place=Place.SINK,
        warm=_WARM_LARGE,
        settings=settings,
        arms=(Arm(label=label, client=Client.ENGINE, workload=workload),),
        measures=(
            Measure(
                title=f"peak memory / (base + budget of {settings.memory_mib} MiB)",
                goal=Goal(bound=1.2, at_least=False),
                ratio=within(label, settings.memory_mib * MIB),
            ),
        ),
        rounds=1,
    )
