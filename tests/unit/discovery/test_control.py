"""A dataset is paused and resumed, a run is cancelled: once, whoever else writes at that moment."""

import contextlib
from datetime import timedelta
from typing import Any, override

import pytest

from shared.discovery import Control
from shared.model.errors import DatasetPausedError, RunEndedError, UnknownDatasetError, UnknownRunError
from shared.model.rows import Hold, Run, RunState
from shared.model.windows import Window
from tests.fakes import MemoryHolds, MemoryRuns
from tests.fakes.catalogs import paged
from tests.unit.discovery.world import START, World, items

_NOTHING = Hold(dataset="demo")
_PAUSED = Hold(dataset="demo", paused_since=START, paused_by="request")
_MINUTE = timedelta(minutes=1)


@pytest.fixture
def world() -> World:
    return World(paged(items(3), size=1), schedule="0 0 * * *")


def _control(world: World) -> Control:
    return Control(datasets=world.datasets, runs=world.runs, holds=world.holds, clock=world.clock)


async def test_a_paused_dataset_asks_for_nothing(world: World) -> None:
    """Its pages wait, whatever room there is, and go on where they stood once it is resumed."""
    control, page = _control(world), await world.begin()
    answer = await control.pause("demo", by="request")
    await world.deliver(page)
    paused = world.keys()
    await control.resume("demo")

    await world.drain()

    assert answer == _PAUSED
    assert paused == []
    assert (world.run.state, len(world.keys())) == (RunState.COMPLETE, 3)


async def test_a_second_pause_changes_nothing(world: World) -> None:
    """Since when and by whom a dataset is paused says the first one."""
    control = _control(world)
    await control.pause("demo", by="request")
    before = world.holds.entries
    world.clock.pass_by(_MINUTE)

    assert await control.pause("demo", by="somebody") == _PAUSED
    assert world.holds.entries == before


async def test_resuming_what_isnt_paused_changes_nothing(world: World) -> None:
    """Nothing is written where nothing held."""
    assert await _control(world).resume("demo") == _NOTHING
    assert world.holds.entries == {}


async def test_a_resumed_dataset_still_defers(world: World) -> None:
    """A pause and a hint stand beside each other, and each ends by itself."""
    until = {"deferred_until": START + _MINUTE, "deferred_because": "429"}
    world.holds.hold(_NOTHING.model_copy(update=until))
    control = _control(world)

    paused, resumed = await control.pause("demo", by="request"), await control.resume("demo")

    assert (paused, resumed) == (_PAUSED.model_copy(update=until), _NOTHING.model_copy(update=until))


@pytest.mark.parametrize("resumes", [False, True])
async def test_a_hint_in_the_middle_is_kept(world: World, *, resumes: bool) -> None:
    """Who writes between read and write is read again."""
    hint = {"deferred_until": START + _MINUTE, "deferred_because": "429"}

    class Hinting(MemoryHolds):
        """Somebody writes a hint before the first save."""

        @override
        async def save(self, hold: Hold, *, replaces: str | None) -> bool:
            there = (await self.of("demo")).hold
            if there.deferred_until is None:
                self.hold(there.model_copy(update=hint))
            return await super().save(hold, replaces=replaces)

    world.holds = Hinting()
    if resumes:
        world.holds.hold(_PAUSED)
    control = _control(world)

    answer = await (control.resume("demo") if resumes else control.pause("demo", by="request"))

    assert answer == (await world.holds.of("demo")).hold == (_NOTHING if resumes else _PAUSED).model_copy(update=hint)


async def test_no_run_of_a_paused_dataset_begins(world: World) -> None:
    """Who asks for one is told what to do."""
    await _control(world).pause("demo", by="request")

    with pytest.raises(
        DatasetPausedError, match="by request; `sluice resume demo` or DELETE /api/datasets/demo/pause resumes it"
    ):
        await world.starting().start("demo", window=Window(), trigger="request")

    assert (world.runs.newest_runs, world.queues.sent) == ({}, [])


async def test_a_scheduled_run_of_a_paused_dataset_doesnt_begin(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """It is said in the log, as no error; once the dataset is resumed, the run begins."""
    control = _control(world)
    await control.pause("demo", by="request")

    with caplog.at_level("INFO", logger="shared.discovery.starting"):
        paused = await world.starting().start_due()
    await control.resume("demo")
    resumed = await world.starting().start_due()

    assert (paused, [each.run for each in resumed]) == ([], ["new-1"])
    said = [(each.levelname, each.__dict__["action"], each.__dict__["dataset"]) for each in caplog.records[:1]]
    assert said == [("INFO", "run_paused", "demo")]


async def test_a_pause_of_weeks_lets_no_run_stall(world: World) -> None:
    """Look after look is progress: long after the stall limit the run is the same, and goes on."""
    page = await world.begin()
    control = _control(world)
    await control.pause("demo", by="request")
    while world.clock.now < START + timedelta(days=3):
        await world.deliver(page)
        page = world.pages()[-1]
        world.clock.pass_by(timedelta(minutes=45))
        assert await world.starting().start_due() == []
    await control.resume("demo")
    begun = await world.starting().start_due()

    await world.deliver(page)

    assert begun == []
    assert (world.run.run, world.run.withheld_since, len(world.keys())) == ("run-1", None, 1)


async def test_a_cancelled_run_ends(world: World) -> None:
    """Its next page ends quietly, whoever waits for it; what it has sent stands in the queue."""
    await world.deliver(await world.begin())
    before = world.run
    world.clock.pass_by(_MINUTE)

    answer = await _control(world).cancel("demo", "run-1", by="request")
    await world.deliver(world.pages()[-1])

    update = {"state": RunState.CANCELLED, "ended_at": START + _MINUTE, "reason": "cancelled by request"}
    assert answer == world.run == before.model_copy(update=update)
    assert len(world.keys()) == len(world.pages()) == 1


async def test_a_withheld_run_that_is_cancelled_waits_no_longer(world: World) -> None:
    """Nothing of it says that it waits."""
    await world.begin(withheld_since=START, withheld_because="36 copy requests are outstanding")

    run = await _control(world).cancel("demo", "run-1", by="request")

    assert (run.withheld_since, run.withheld_because) == (None, None)


async def test_after_a_cancelled_run_the_next_begins(world: World) -> None:
    """It stands in nobody's way."""
    await world.begin()
    await _control(world).cancel("demo", "run-1", by="request")

    run = await world.starting().start("demo", window=Window(), trigger="request")

    assert (run.run, world.run) == ("new-1", run)


@pytest.mark.parametrize(("newest", "said"), [(None, "there is none"), ("run-2", "it is run-2")])
async def test_a_run_that_isnt_the_newest_is_unknown(world: World, newest: str | None, said: str) -> None:
    """Of older runs nothing is known; the newest one goes on."""
    if newest:
        await world.begin(run=newest)

    with pytest.raises(UnknownRunError, match=f"'run-1' isn't the newest run of demo: {said}"):
        await _control(world).cancel("demo", "run-1", by="request")

    assert {each.run.state for each in world.runs.newest_runs.values()} <= {RunState.RUNNING}


@pytest.mark.parametrize("state", [each for each in RunState if each is not RunState.RUNNING])
async def test_a_run_that_has_ended_cant_be_cancelled(world: World, state: RunState) -> None:
    """It stays as it ended."""
    await world.begin(state=state)
    before = world.run

    with pytest.raises(RunEndedError, match=f"run run-1 is {state}: there is nothing to cancel"):
        await _control(world).cancel("demo", "run-1", by="request")

    assert world.run == before


@pytest.mark.parametrize(
    ("meanwhile", "error"),
    [({}, None), ({"run": "run-2"}, UnknownRunError), ({"state": RunState.COMPLETE}, RunEndedError)],
    ids=["a look", "superseded", "complete"],
)
async def test_a_run_that_changes_in_the_middle_is_read_again(
    world: World, meanwhile: dict[str, Any], error: type[Exception] | None
) -> None:
    """Only the newest run is cancelled, and only while it runs, as it stands at that moment."""

    class Changing(MemoryRuns):
        """Somebody writes before the first save."""

        @override
        async def save(self, run: Run, *, replaces: str | None) -> bool:
            there = self.newest_runs.get("demo")
            if there is not None and there.run.progress_at == START:
                changed = there.run.model_copy(update={"progress_at": START + _MINUTE, **meanwhile})
                assert await super().save(changed, replaces=there.etag)
            return await super().save(run, replaces=replaces)

    world.runs = Changing()
    await world.begin()
    control = _control(world)

    with pytest.raises(error) if error else contextlib.nullcontext():
        await control.cancel("demo", "run-1", by="request")

    expected = {"state": RunState.CANCELLED} if error is None else meanwhile
    assert world.run.progress_at == START + _MINUTE
    assert expected.items() <= world.run.model_dump().items()


async def test_an_unknown_dataset_is_told(world: World) -> None:
    """Nothing is written for a name that isn't defined."""
    control = _control(world)

    for call in (control.pause("gone", by="me"), control.resume("gone"), control.cancel("gone", "run-1", by="me")):
        with pytest.raises(UnknownDatasetError, match="'gone'; these are defined: demo"):
            await call

    assert (world.holds.entries, world.runs.newest_runs) == ({}, {})
