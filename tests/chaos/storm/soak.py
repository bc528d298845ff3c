"""A long calm: thousands of assets through one host, whose memory, descriptors, sockets and tasks have to stay flat."""

import contextlib
import dataclasses
import http.client
import random
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from tests.chaos.flipping import SHORTEST
from tests.chaos.storm.gathering import outstanding, read_ledger
from tests.chaos.storm.plan import File, Kind, Plan
from tests.chaos.storm.stage import Stage, Storm, ask, staged, wait_for_health

#: How much more of it there may be at the end than after the warm-up.
BOUNDS: Mapping[str, float] = {"rss_mib": 24, "descriptors": 12, "sockets": 12, "tasks": 12}

_FILES_OF_A_DATASET = 500
_SAMPLE_SECONDS = 1.0
_ANSWER_SECONDS = 10.0
_LONGEST_SECONDS = 3600.0
_LOW_WATER = 100
#: Of all samples, until caches are full; and at either end, of which the median counts.
_WARM_UP, _END = 0.3, 0.2
_MIB = 1024 * 1024

#: What is added to the app's triggers, for who counts its tasks.
_ROUTE = '''

@app.route(route="soak", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def soak(req: func.HttpRequest) -> func.HttpResponse:
    """How many tasks there are."""
    import asyncio

    del req
    return func.HttpResponse(str(len(asyncio.all_tasks())))
'''


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a worker had at some time."""

    seconds: float
    assets: int
    rss_mib: float
    descriptors: int
    sockets: int
    tasks: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Soaked:
    """What came of it."""

    assets: int
    wanted: int
    seconds: float
    #: By measure: at the beginning, once it was warm; at the end; and how much more for each thousand assets.
    grown: Mapping[str, tuple[float, float, float]]

    @property
    def is_flat(self) -> bool:
        """Whether all assets were copied, and nothing has grown by more than it may."""
        return self.assets == self.wanted and all(
            end - begin <= BOUNDS[name] for name, (begin, end, _) in self.grown.items()
        )

    @property
    def figures(self) -> Mapping[str, object]:
        """As JSON has them."""
        grown = {
            name: {"warm": begin, "end": end, "per_1000_assets": slope, "bound": BOUNDS[name]}
            for name, (begin, end, slope) in self.grown.items()
        }
        return {"assets": self.assets, "seconds": round(self.seconds, 1), "flat": self.is_flat, **grown}


def soak(directory: Path, *, assets: int) -> Soaked:
    """Copy so many assets in peace."""
    storm = Storm(
        seed=0,
        minutes=0,
        slots=1,
        is_behind_doors=False,
        damage=_count_tasks,
        plan=lambda port: _planned(assets, port=port),
    )
    with staged(directory, storm) as stage:
        stage.source.lies = False
        wait_for_health(stage)
        began = time.monotonic()
        samples = list(_samples(stage, wanted=assets, began=began))
        copied = len(read_ledger(stage.storage))
    return Soaked(
        assets=copied,
        wanted=assets,
        seconds=time.monotonic() - began,
        grown={name: growth(samples, name) for name in BOUNDS},
    )


def tell(soaked: Soaked) -> None:
    """Print what came of it."""
    sys.stdout.write(f"soak: {soaked.assets} of {soaked.wanted} assets in {soaked.seconds:.0f} s\n")
    for name, (begin, end, slope) in soaked.grown.items():
        sys.stdout.write(f"{name:12} {begin:8} warm {end:8} at the end {slope:+8} for each 1,000 assets\n")
    sys.stdout.write("flat\n" if soaked.is_flat else "NOT FLAT\n")


def growth(samples: Sequence[Sample], name: str) -> tuple[float, float, float]:
    """Median after the warm-up, median at the end, and the slope between them for a thousand assets."""
    warm = samples[int(len(samples) * _WARM_UP) :]
    values = [float(getattr(each, name)) for each in warm]
    size = max(1, int(len(values) * _END))
    begin, end = statistics.median(values[:size]), statistics.median(values[-size:])
    assets = [each.assets for each in warm]
    slope = statistics.linear_regression(assets, values).slope if len(set(assets)) > 1 else 0.0
    return round(begin, 1), round(end, 1), round(slope * 1000, 3)


def _count_tasks(root: Path) -> None:
    with (root / "function_app.py").open("a", encoding="utf-8") as module:
        module.write(_ROUTE)


def _planned(assets: int, *, port: int) -> Plan:
    names = [f"soak-{number}" for number in range(-(-assets // _FILES_OF_A_DATASET))]
    counts = [min(_FILES_OF_A_DATASET, assets - number * _FILES_OF_A_DATASET) for number in range(len(names))]
    return Plan(
        kinds=dict.fromkeys(names, Kind.OPEN),
        files={name: tuple(_files(name, count, port=port)) for name, count in zip(names, counts, strict=True)},
    )


def _files(dataset: str, count: int, *, port: int) -> Iterator[File]:
    chance = random.Random(dataset)
    for number in range(count):
        path = f"con-{dataset}/{number:05}.bin"
        yield File(
            dataset=dataset,
            item=f"{dataset}-item-{number // 2}",
            path=path,
            href=f"http://127.0.0.1:{port}/{path}",
            size=chance.randrange(2 * SHORTEST, 64 * 1024),
            states_size=True,
            md5=None,
            versions=1,
            lies=(),
            doom=None,
        )


def _samples(stage: Stage, *, wanted: int, began: float) -> Iterator[Sample]:
    worker = stage.fleet.worker()
    assert worker is not None, "there is no worker"
    left, done = list(stage.plan.runs), 0
    while done < wanted and time.monotonic() < began + _LONGEST_SECONDS:
        if (
            left
            and sum(outstanding(stage.storage).values()) < _LOW_WATER
            and ask(stage, f"datasets/{left[0]}/runs", {})
        ):
            left.pop(0)
        time.sleep(_SAMPLE_SECONDS)
        done = sum(len(each) for each in stage.source.served.values())
        tasks = _tasks(stage)
        if tasks is not None:
            yield _sample(worker, seconds=time.monotonic() - began, assets=done, tasks=tasks)
    while sum(outstanding(stage.storage).values()) and time.monotonic() < began + _LONGEST_SECONDS:
        time.sleep(_SAMPLE_SECONDS)


def _sample(worker: psutil.Process, *, seconds: float, assets: int, tasks: int) -> Sample:
    return Sample(
        seconds=seconds,
        assets=assets,
        rss_mib=worker.memory_info().rss / _MIB,
        descriptors=worker.num_fds(),
        sockets=len(worker.net_connections(kind="inet")),
        tasks=tasks,
    )


def _tasks(stage: Stage) -> int | None:
    (host, *_) = stage.fleet.hosts()
    connection = http.client.HTTPConnection(urlsplit(host.url).netloc, timeout=_ANSWER_SECONDS)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException, ValueError):
        connection.request("GET", "/api/soak")
        return int(connection.getresponse().read())
    return None
