import dataclasses
import json
import math
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast, override

import pytest

from shared.api import ROUTES, Answer, Asked, respond
from shared.model.counts import Counts, PartCounts
from shared.model.datasets import Datasets
from shared.model.errors import StorageFailedError, UnknownDatasetError
from shared.model.messages import Queue, Reason
from shared.model.rows import Activity, Hold, LaneCounts, Run, RunKind, RunState, Watermark
from shared.model.windows import TimeProperty, Window
from shared.status import (
    DatasetStatus,
    QueueStatus,
    ReasonsStatus,
    Status,
    StatusReport,
    WaitingStatus,
    WithholdingStatus,
)
from shared.storage.mailbox import encoded
from shared.storage.runs import RunEntry
from tests.fakes import MemoryActivities, MemoryHolds, MemoryLanes, MemoryQueues, MemoryRuns, MemoryWatermarks
from tests.fakes.mailbox import MemoryMailbox
from tests.unit.model.builders import copy_request, dataset

_NIGHT = datetime(2024, 6, 2, 0, 30, tzinfo=UTC)
_RUN = Run(dataset="b", run="run-1", pass_number=2, trigger="request", began_at=_NIGHT, progress_at=_NIGHT)
_NOTHING = DatasetStatus(run=None, counts=None, copied_today=Activity())


class _Stores:
    """What a status tells of."""

    def __init__(self) -> None:
        self.runs = MemoryRuns()
        self.plans = MemoryRuns()
        self.watermarks = MemoryWatermarks()
        self.holds = MemoryHolds()
        self.queues = MemoryQueues()
        self.mailbox = MemoryMailbox(clock=lambda: _NIGHT)
        self.activities = MemoryActivities()
        self.lanes = MemoryLanes()

    def status(self, *, names: Sequence[str] = ("b", "a"), saturation: float = 1.5) -> Status:
        """The use case over these datasets."""
        return Status(
            datasets=Datasets(datasets={name: dataset() for name in names}),
            runs=self.runs,
            plans=self.plans,
            watermarks=self.watermarks,
            holds=self.holds,
            queues=self.queues,
            mailbox=self.mailbox,
            activities=self.activities,
            lanes=self.lanes,
            saturation=saturation,
            capacity=24,
            clock=lambda: _NIGHT,
        )


@pytest.fixture
def stores() -> _Stores:
    return _Stores()


async def test_a_report_tells_everything(stores: _Stores) -> None:
    """Datasets in the order of their names, each queue with its poison, and when discovery waits."""
    await stores.runs.save(_RUN, replaces=None)
    stores.queues.counts.update({"discover": 1, "copy": 30, "copy-poison": 2, "copy-later": 4})

    report = await stores.status().report()

    assert report == StatusReport(
        at=_NIGHT,
        datasets={"a": _NOTHING, "b": DatasetStatus(run=_RUN, counts=Counts(), copied_today=Activity())},
        queues={
            "discover": QueueStatus(outstanding=1, poison=0),
            "copy": QueueStatus(outstanding=30, poison=2),
            "copy-live": QueueStatus(outstanding=0, poison=0),
            "copy-later": QueueStatus(outstanding=4, poison=0),
            "publish": QueueStatus(outstanding=0, poison=0),
        },
        withholding=WithholdingStatus(saturation=1.5, capacity=24, limit=36, outstanding=30, waiting={}),
    )
    assert list(report.datasets) == ["a", "b"]


@pytest.mark.parametrize(("saturation", "shown", "limit"), [(0.0, 0.0, 0), (1.5, 1.5, 36), (math.inf, "inf", None)])
async def test_a_report_is_json(stores: _Stores, saturation: float, shown: object, limit: int | None) -> None:
    """Infinity has no place in JSON and is told in a word; where it is set, no number withholds."""
    report = await stores.status(saturation=saturation).report()

    document = json.loads(report.model_dump_json(), parse_constant=pytest.fail)

    numbers = {"saturation": shown, "capacity": 24, "limit": limit, "outstanding": 0}
    assert document["withholding"] == {**numbers, "waiting": {}}
    assert set(document["queues"]) == {each.value for each in Queue}


async def test_a_run_that_waits_is_told(stores: _Stores) -> None:
    """Since when and why, by dataset; a run that goes on or has ended waits for nothing."""
    because = "36 copy requests are outstanding; pages run below 36"
    waits = {"withheld_since": _NIGHT, "withheld_because": because}
    for name, changes in {"a": waits, "b": {}, "c": {**waits, "state": RunState.FAILED}}.items():
        await stores.runs.save(_RUN.model_copy(update={"dataset": name, **changes}), replaces=None)

    report = await stores.status(names=("a", "b", "c", "d")).report()

    assert report.withholding.waiting == {"a": WaitingStatus(run="run-1", since=_NIGHT, because=because)}


async def test_the_copy_queue_is_counted_once(stores: _Stores) -> None:
    """The numbers of one report agree, and each queue costs one call."""
    counted = Counter[str]()

    class Counted(MemoryQueues):
        @override
        async def count(self, queue: str) -> int:
            counted[queue] += 1
            return await super().count(queue)

    stores.queues = Counted()

    await stores.status().report()

    assert counted == {name: 1 for each in Queue for name in (each.value, each.poison)}


@pytest.mark.parametrize(
    ("held", "is_told"),
    [
        ({"paused_since": _NIGHT, "paused_by": "request"}, True),
        ({"deferred_until": _NIGHT + timedelta(seconds=1), "deferred_because": "429"}, True),
        ({"deferred_until": _NIGHT, "deferred_because": "429"}, False),
        ({}, False),
    ],
    ids=["paused", "deferred", "over", "nothing"],
)
async def test_what_holds_a_dataset_is_told(stores: _Stores, held: dict[str, Any], *, is_told: bool) -> None:
    """A pause, and a delay that isn't over; of any other dataset nothing."""
    hold = Hold(dataset="b", **held)
    stores.holds.hold(hold)
    status = stores.status()

    assert (await status.of("b")).hold == (hold if is_told else None)
    assert (await status.of("a")).hold is None


async def test_the_newest_plan_is_told(stores: _Stores) -> None:
    """Beside the newest run, of which it is none."""
    plan = _RUN.model_copy(update={"run": "plan-1", "kind": RunKind.PLAN})
    await stores.plans.save(plan, replaces=None)

    found = await stores.status().of("b")

    assert (found.run, found.plan) == (None, plan)


async def test_counts_are_those_of_the_newest_pass(stores: _Stores) -> None:
    """All parts of the run's present pass together, none of another pass, run or dataset."""
    await stores.runs.save(_RUN, replaces=None)
    one = PartCounts(available=1, filtered=2, refused=3, sent=4, already=5, done=True)
    for name, run, place in (
        ("b", "run-1", (2, 0, 0)),
        ("b", "run-1", (2, 1, 3)),
        *(("b", "run-1", (1, 0, 0)), ("b", "run-0", (2, 0, 0)), ("a", "run-1", (2, 0, 0))),
    ):
        await stores.runs.count(name, run, place=place, counts=one)

    found = await stores.status().of("b")

    assert found.counts == Counts(available=2, filtered=4, refused=6, sent=8, already=10)


async def test_today_begins_at_midnight_utc(stores: _Stores) -> None:
    """What all processes copied since midnight UTC, of this dataset."""
    today, yesterday = _NIGHT.date(), _NIGHT.date() - timedelta(days=1)
    for name, day, process in (("b", today, "p1"), ("b", today, "p2"), ("b", yesterday, "p1"), ("a", today, "p1")):
        await stores.activities.write(name, day, process, activity=Activity(assets=1, bytes=10))

    found = await stores.status().of("b")

    assert found == DatasetStatus(run=None, counts=None, copied_today=Activity(assets=2, bytes=20))


async def test_an_unknown_dataset_has_no_status(stores: _Stores) -> None:
    """A name that isn't defined is an error, also where a run of it stands in the store."""
    await stores.runs.save(_RUN.model_copy(update={"dataset": "gone"}), replaces=None)

    with pytest.raises(UnknownDatasetError, match="'gone'; these are defined: a, b"):
        await stores.status().of("gone")


@pytest.mark.parametrize("queue", [name for each in Queue for name in (each.value, each.poison)])
async def test_a_queue_that_cant_be_read_is_told(stores: _Stores, queue: str) -> None:
    """A report with a gap is none: storage's own error escapes."""
    stores.queues.broken.add(queue)

    with pytest.raises(StorageFailedError, match=queue):
        await stores.status().report()


async def test_a_run_that_cant_be_read_is_told(stores: _Stores) -> None:
    """The same for the run store."""

    class Broken(MemoryRuns):
        @override
        async def newest(self, dataset: str) -> RunEntry | None:
            raise StorageFailedError(f"table runs: read of {dataset}: 500")

    stores.runs = Broken()

    with pytest.raises(StorageFailedError, match="read of a"):
        await stores.status().report()


async def test_a_report_of_one_dataset(stores: _Stores) -> None:
    """The others are left out, and an unknown one is an error."""
    report = await stores.status().report("a")

    assert list(report.datasets) == ["a"]
    with pytest.raises(UnknownDatasetError, match="'gone'"):
        await stores.status().report("gone")


async def test_reasons_are_told_where_they_are_asked_for(stores: _Stores) -> None:
    """By class, of the first 32 messages of each queue that has poison; otherwise no message is read."""
    reason = Reason(error="AssetNotFoundError", message="404", at=_NIGHT)
    for _ in range(40):
        stores.mailbox.put("copy-poison", encoded(copy_request(reason=reason).encode()))
    stores.mailbox.put("publish-poison", "junk that isn't Base64")
    stores.mailbox.put("publish-poison", encoded(copy_request().encode()))
    stores.mailbox.put("publish-poison", encoded("[]"))
    stores.queues.counts.update({"copy-poison": 40, "publish-poison": 3})

    told = await stores.status().report(with_reasons=True)
    stores.mailbox.broken.update(each.poison for each in Queue)
    silent = await stores.status().report()

    assert told.reasons == {
        "copy": ReasonsStatus(seen=32, errors={"AssetNotFoundError": 32}),
        "publish": ReasonsStatus(seen=3, errors={"no message of ours": 2, "no reason yet": 1}),
    }
    assert silent.reasons is None
    assert "reasons" not in json.loads(silent.model_dump_json())


@pytest.mark.parametrize(
    ("run", "marked", "fresh_at"),
    [
        ({}, False, None),
        ({"state": RunState.COMPLETE}, False, _NIGHT),
        ({"state": RunState.COMPLETE, "window": Window(since=_NIGHT)}, False, None),
        ({"state": RunState.FAILED}, True, _NIGHT - timedelta(hours=1)),
        ({"state": RunState.COMPLETE}, True, _NIGHT),
        ({"whole_before": _NIGHT - timedelta(days=1)}, False, _NIGHT - timedelta(days=1)),
    ],
    ids=["running", "complete", "a window", "watermark", "both", "a run before"],
)
def test_freshness(run: dict[str, Any], fresh_at: datetime | None, *, marked: bool) -> None:
    """Up to the watermark, or to the beginning of a run of everything that is complete, whichever is later."""
    watermark = Watermark(dataset="b", by=TimeProperty.UPDATED, at=_NIGHT - timedelta(hours=1), run="run-0")

    status = DatasetStatus(
        run=_RUN.model_copy(update=run),
        counts=None,
        copied_today=Activity(),
        watermark=watermark if marked else None,
    )

    assert status.fresh_at == fresh_at


@pytest.mark.parametrize(
    ("run", "goal", "lag", "is_stale"),
    [
        ({"whole_before": _NIGHT}, 2, 2, False),
        ({"whole_before": _NIGHT}, 1, 2, True),
        ({"whole_before": _NIGHT}, None, 2, False),
        ({}, 2, None, False),
        ({}, 1, None, True),
        (None, 1, None, False),
    ],
    ids=["fresh", "stale", "no goal", "not whole yet", "not whole for long", "never begun"],
)
def test_staleness(run: dict[str, Any] | None, goal: int | None, lag: int | None, *, is_stale: bool) -> None:
    """Stale is what was read whole longer ago than it may be, or wasn't for as long since its newest run began."""
    hour = timedelta(hours=1)
    status = DatasetStatus(
        run=None if run is None else _RUN.model_copy(update=run),
        counts=None,
        copied_today=Activity(),
        freshness=None if goal is None else goal * hour,
    )

    at = _NIGHT + 2 * hour

    assert (status.lag(at), status.is_stale(at)) == (None if lag is None else lag * hour, is_stale)


async def test_healthy_is_what_storage_answers_to(stores: _Stores) -> None:
    """One look at the discover queue tells."""
    before = await stores.status().is_healthy()
    stores.queues.broken.add(Queue.DISCOVER)

    assert before
    assert not await stores.status().is_healthy()


async def test_the_last_hour_is_told_where_it_is_asked_for(stores: _Stores) -> None:
    """What each queue held, the oldest first; otherwise nobody asks for it."""
    kept = [LaneCounts(at=_NIGHT - timedelta(minutes=ago), outstanding={"copy": ago}) for ago in (61, 60, 1)]
    for each in kept:
        await stores.lanes.write(each)
    status = stores.status()

    assert (await status.report(with_history=True)).history == tuple(kept[1:])
    assert "history" not in json.loads((await status.report()).model_dump_json())


async def test_what_is_stale_is_named(stores: _Stores) -> None:
    """Of the datasets that say how fresh they have to be; how fresh one is stands beside it."""
    whole = _RUN.model_copy(update={"state": RunState.COMPLETE, "began_at": _NIGHT - timedelta(hours=2)})
    await stores.runs.save(whole, replaces=None)
    definitions = {"a": dataset(freshness=3600), "b": dataset(freshness=3600), "c": dataset()}
    status = dataclasses.replace(stores.status(), datasets=Datasets(datasets=definitions))

    told = json.loads((await status.report()).model_dump_json())

    fresh = {"a": None, "b": "2024-06-01T22:30:00Z", "c": None}
    assert (told["stale"], {name: each["fresh_at"] for name, each in told["datasets"].items()}) == (["b"], fresh)


@pytest.mark.parametrize("name", ["reasons", "history"])
@pytest.mark.parametrize(("text", "is_told"), [("true", True), ("True", True), ("false", False), (None, False)])
async def test_the_address_tells_more_where_it_is_asked(
    stores: _Stores, name: str, text: str | None, *, is_told: bool
) -> None:
    """Reasons and the last hour cost calls, so they have to be asked for."""
    answer = await _ask(stores, {} if text is None else {name: text})

    told = json.loads(answer.body)
    assert (answer.status, {"reasons", "history"} & set(told)) == (200, {name} if is_told else set())


async def test_what_is_unclear_is_refused(stores: _Stores) -> None:
    """The answer names the field and what it may be."""
    answer = await _ask(stores, {"history": "yes"})

    told = {"error": "history is true or false, not 'yes'", "field": "history"}
    assert (answer.status, json.loads(answer.body)) == (400, told)


async def _ask(stores: _Stores, query: dict[str, str]) -> Answer:
    async def app() -> object:
        return SimpleNamespace(status=stores.status())

    route = next(each for each in ROUTES if each.name == "status")
    return await respond(route, cast("Any", SimpleNamespace(app=app)), Asked(method="GET", url="", query=query))
