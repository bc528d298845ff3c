"""``sluice poison``: what an operator sees of poison and does with it."""

import io
import stat
from pathlib import Path

import pytest

from shared.model.errors import QueryInvalidError, advice_of
from shared.model.messages import PageRequest, PublishRequest, Queue
from shared.poison import Dropped, PoisonFact
from sluice.command import Operator
from sluice.output import Exit
from sluice.poison import drop, list_, redrive, show
from sluice.session import UsageError
from tests.fakes.faults import Faults
from tests.unit.model.builders import NOON, asset, copy_request
from tests.unit.poison.desk import Desk, poisoned
from tests.unit.poison.preserve_world import HOUR, POISON
from tests.unit.sluice.operators import documents, operator, shown


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ann is at the terminal, in a folder of her own."""
    monkeypatch.setenv("LOGNAME", "ann")
    monkeypatch.chdir(tmp_path)


def _on(desk: Desk, *, is_json: bool = False) -> Operator:
    return operator(is_json=is_json, poison=desk.mending)


def _files(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


def _notes(on: Operator) -> list[str]:
    assert isinstance(on.output.err.file, io.StringIO)
    return on.output.err.file.getvalue().splitlines()


async def test_nothing_is_poison() -> None:
    """All good."""
    on = _on(Desk())

    code = await list_(on)

    assert (code, shown(on), _notes(on)) == (Exit.GOOD, [], ["0 messages"])


async def test_a_list() -> None:
    """Two lines a message within 80 columns, and each class with what to do; exit code 1."""
    desk = Desk()
    desk.put(poisoned())
    desk.put(PageRequest(dataset="l8", run="run-7"), Queue.DISCOVER)
    desk.put(PublishRequest(dataset="s2", item="s2/T32", version="0" * 64, asked_at=NOON), Queue.PUBLISH)
    on = _on(desk)

    code = await list_(on)

    lines = shown(on)
    assert code is Exit.PROBLEMS
    assert lines[:7] == [
        "id        since  queue            class               dataset",
        "message-  0 s    discover-poison  NeverStarted        l8",
        "    page of run-7: no attempt at it left a failure: its worker died each time, …",
        "message-  1 h    copy-poison      AssetNotFoundError  s2",
        "    s2/T32 B04 (data.example.org): answered 404",
        "message-  0 s    publish-poison   NotRecorded         s2",
        "    s2/T32: why its attempts failed stands in the log alone, shortly before 202…",
    ]
    assert lines[7] == "1 NeverStarted"
    assert " ".join(each.strip() for each in lines[8:11]).startswith(advice_of("NeverStarted")[:100])
    assert _notes(on) == ["3 messages, 3 are shown"]


async def test_a_list_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """One document a message, with everything, and nothing else."""
    desk = Desk()
    for _ in range(3):
        desk.put(poisoned())

    code = await list_(_on(desk, is_json=True), limit=2)

    facts = [PoisonFact.model_validate(each) for each in documents(capsys)]
    assert [each.error for each in facts] == ["AssetNotFoundError"] * 2
    assert code is Exit.PROBLEMS


async def test_a_list_counts_what_it_does_not_show() -> None:
    """A limit is one of rows: the classes are counted over all messages that are meant."""
    desk = Desk()
    for _ in range(3):
        desk.put(poisoned())
    on = _on(desk)

    await list_(on, "copy", dataset="s2", limit=1)

    assert len([each for each in shown(on) if "copy-poison" in each]) == 1
    assert "3 AssetNotFoundError" in shown(on)
    assert _notes(on) == ["3 messages, 1 are shown"]


async def test_a_filter_that_means_nothing() -> None:
    """Wrong usage, which names it."""
    with pytest.raises(QueryInvalidError, match="since: 'soon' is no time"):
        await list_(_on(Desk()), since="soon")


async def test_all_about_one_message() -> None:
    """By the beginning of its id: what it asks for, why it failed, how often, what to do, and the body."""
    desk = Desk()
    request = copy_request(asset(), asset(key="B05", name="s2/T32/B05"), reason=poisoned().reason)
    desk.put(request)
    await desk.failed(error="TruncatedBodyError", attempts=3)
    await desk.copied(key="B05", description=request.assets[1].description, completed_at=NOON + HOUR)
    on = _on(desk)

    await show(on, "message")

    lines = shown(on)
    assert lines[:6] == [
        "message     message-1 in copy-poison",
        "asks for    copy",
        "dataset     s2",
        "asked by    run-1",
        "failed      2024-06-01T12:00:00+00:00 AssetNotFoundError",
        "because     answered 404",
    ]
    text = " ".join(" ".join(lines).split())
    assert f"what to do {advice_of('AssetNotFoundError')} put there 2024-06-01T13:00:00+00:00 expires never" in text
    assert "s2/T32 B04: https://data.example.org/B04.tif to s2/T32/B04 failed 3 times" in text
    assert "copied since, at 2024-06-01T13:00:00+00:00: there is nothing left to do" in text
    assert '"cause":"run-1"' in "".join(lines)


async def test_a_message_that_is_junk() -> None:
    """It asks for nothing, and is shown as it is; a page says what a redrive would do."""
    desk = Desk()
    desk.mailbox.put(POISON, "[bold]junk[/bold]")
    desk.put(PageRequest(dataset="l8", run="run-7"), Queue.DISCOVER)
    on = _on(desk)

    await show(on, "message-")

    lines = shown(on)
    assert "asks for    nothing that its queue carries" in lines
    assert "[bold]junk[/bold]" in lines
    assert any(each.startswith("note        a page does nothing where its run is over") for each in lines)


async def test_no_message_has_this_id() -> None:
    """Wrong usage; a part within an id is no beginning."""
    desk = Desk()
    desk.put(poisoned())

    with pytest.raises(UsageError, match="no message's id begins with 'essage'"):
        await show(_on(desk), "essage")


async def test_a_redrive_tells_what_it_would_send(capsys: pytest.CaptureFixture[str]) -> None:
    """And what to add."""
    desk = Desk()
    desk.put(poisoned())
    on = _on(desk)

    code = await redrive(on)

    assert code is Exit.GOOD
    assert capsys.readouterr().out == "would_be_done copy-poison AssetNotFoundError s2/T32 B04\n"
    assert _notes(on) == ["1 would be sent back (1 AssetNotFoundError)", "nothing was done: add --yes"]
    assert desk.bodies("copy") == []


async def test_a_redrive() -> None:
    """Everything that can be is sent; what stays makes it exit code 1, and says why, each reason once."""
    desk = Desk()
    for _ in range(2):
        desk.put(poisoned())
        desk.put(poisoned(dataset="gone"))
    on = _on(desk)

    code = await redrive(on, yes=True, rate=2)

    assert code is Exit.PROBLEMS
    assert desk.bodies("copy") == [copy_request().encode()] * 2
    assert desk.slept == [0.5] * 2
    assert _notes(on) == [
        "stays: no dataset is called 'gone'; these are defined: l8, s2",
        "2 sent back (2 AssetNotFoundError)",
        "2 stay",
    ]


async def test_a_redrive_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """One document a message: what became of it."""
    desk = Desk()
    name = desk.put(PageRequest(dataset="l8", run="run-7"), Queue.DISCOVER)

    await redrive(_on(desk, is_json=True), yes=True)

    (line,) = documents(capsys)
    assert (line["id"], line["outcome"], line["why"], "sluice discover l8" in line["note"]) == (
        name,
        "done",
        None,
        True,
    )


async def test_somebody_elses_hands() -> None:
    """Told of, and no problem."""
    desk = Desk()
    desk.put(poisoned())
    desk.faults = Faults(pause=desk.expire)
    on = _on(desk)

    code = await redrive(on, yes=True, limit=1)

    assert code is Exit.GOOD
    assert "1 were in somebody else's hands by then: they may be worked twice, which is harmless" in _notes(on)


async def test_a_drop_tells_what_it_would_do(tmp_path: Path) -> None:
    """Nothing is deleted, and there is no file."""
    desk = Desk()
    desk.put(poisoned())
    on = _on(desk)

    await drop(on)

    assert _notes(on) == ["1 would be dropped (1 AssetNotFoundError)", "nothing was done: add --yes"]
    assert (desk.visible(POISON), _files(tmp_path)) == (1, [])


async def test_what_is_dropped_stands_in_a_file(tmp_path: Path) -> None:
    """A line a message, whole, in this folder, readable by nobody else; from there it can be sent back."""
    desk = Desk()
    for _ in range(2):
        desk.put(poisoned())
    on = _on(desk)

    await drop(on, yes=True)

    path = tmp_path / "poison-20240601T130000Z.ndjson"
    lines = [Dropped.model_validate_json(each) for each in path.read_text("utf-8").splitlines()]
    assert [(each.id, each.dropped_by) for each in lines] == [("message-1", "ann"), ("message-2", "ann")]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert _notes(on) == [f"2 dropped, and written into {path.name} (2 AssetNotFoundError)"]
    assert desk.bodies(POISON) == []
    assert await redrive(_on(desk), kept=path, yes=True) is Exit.GOOD
    assert desk.bodies("copy") == [copy_request().encode()] * 2


async def test_nothing_to_drop(tmp_path: Path) -> None:
    """There is no file."""
    on = _on(Desk())

    await drop(on, yes=True)

    assert (_notes(on), _files(tmp_path)) == (["0 dropped"], [])


@pytest.mark.parametrize("name", ["there.ndjson", "no/folder.ndjson"])
async def test_a_file_that_can_not_be_written(tmp_path: Path, name: str) -> None:
    """One that is there already is somebody's: nothing is written over, and nothing deleted."""
    (tmp_path / "there.ndjson").write_text("mine")
    desk = Desk()
    desk.put(poisoned())

    with pytest.raises(UsageError, match=f"--output {name}: .*; nothing was deleted that isn't in it"):
        await drop(_on(desk), output=Path(name), yes=True)

    assert desk.visible(POISON) == 1
    assert (tmp_path / "there.ndjson").read_text() == "mine"


async def test_a_file_that_is_not_there() -> None:
    """Wrong usage, which names it."""
    with pytest.raises(UsageError, match=r"--from none.ndjson: No such file or directory"):
        await redrive(_on(Desk()), kept=Path("none.ndjson"))
