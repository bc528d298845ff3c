"""``sluice ledger`` and ``sluice report``: what an operator is shown, and which code says what."""

from pathlib import Path
from typing import Any

import pytest

from shared.ledgers import Form, Ledgers, Line
from shared.model.rows import LedgerRow
from sluice.command import Operator
from sluice.ledger import export, rebuild, show
from sluice.output import Exit
from sluice.report import report
from sluice.row_files import write_rows
from sluice.session import UsageError
from tests.unit.ledgers.world import HOUR, RUN, World
from tests.unit.model.builders import NOON, asset
from tests.unit.sluice.operators import documents, operator, shown

ONE, TWO = (asset(item=f"s2/{each}", key="data", name=f"demo/{each}") for each in ("one", "two"))


def reader(world: World, **values: Any) -> Operator:
    """An operator who reads this ledger."""
    ledgers = Ledgers(datasets=world.datasets, rows=world.ledger, showing=world.showing, rebuilding=world.rebuilding)
    return operator(ledgers=ledgers, reporting=world.reporting, **values)


def notes(on: Operator) -> str:
    """What stands on stderr."""
    return on.output.err.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]


async def test_show_a_file() -> None:
    """Where it is and came from, with what, when and for whom."""
    world = World()
    await world.bring(ONE)
    on = reader(world)

    code = await show(on, "s2/one")

    assert code is Exit.GOOD
    assert shown(on) == [
        "dataset           demo",
        "item              s2/one",
        "asset             data",
        "from              https://data.example.org/data.tif",
        "blob              https://account.blob.example.org/assets/demo/one (as recorded)",
        "bytes             5",
        "digests           sha256:0000000000000000000000000000000000000000000000000000000",
        "                  000000000",
        "verified by       catalog sha256",
        'source\'s version  etag:"v1"',
        f"copied            2024-06-01T12:00:00+00:00 for {RUN}",
        "",
    ]


async def test_show_a_file_that_never_came() -> None:
    """Why not is shown; an asset without an item has one name."""
    world = World()
    href = "https://data.example.org/a.tif"
    await world.fail(asset(item=href, key=href, href=href, name="demo/a.tif"), attempts=3)
    on = reader(world)

    code = await show(on, href)

    assert code is Exit.PROBLEMS
    assert shown(on) == [
        "dataset   demo",
        f"item      {href}",
        "copied    no: it isn't in the ledger",
        f"failed    2024-06-01T13:00:00+00:00 for {RUN}",
        "attempts  3 have failed, over all runs",
        "because   AssetNotFoundError: 404",
        "",
    ]


async def test_show_for_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    """One document; how it was looked for stands in it, and nothing on stderr."""
    world = World()
    await world.bring(ONE)
    on = reader(world, is_json=True)

    code = await show(on, "https://data.example.org/data.tif", dataset="demo")

    (document,) = documents(capsys)
    assert (code, [each["item"] for each in document["found"]]) == (Exit.GOOD, ["s2/one"])
    assert document["notes"] == ["every row of demo was looked at for https://data.example.org/data.tif"]
    assert notes(on) == ""


async def test_show_what_nobody_knows() -> None:
    """What was looked for is noted, and the code says that nothing was found."""
    on = reader(World())

    assert await show(on, "s2/none") is Exit.PROBLEMS
    assert (shown(on), notes(on)) == ([], "no item and no blob is called 's2/none' in demo, other\n")


@pytest.mark.parametrize("trouble", ["gone", "failed"])
async def test_show_a_file_that_is_not_well(trouble: str) -> None:
    """Its blob isn't there any more, or it has failed since."""
    world = World()
    await world.bring(ONE)
    if trouble == "gone":
        world.blobs.blobs.clear()
    else:
        await world.fail(ONE)

    assert await show(reader(world), "s2/one") is Exit.PROBLEMS


async def test_export_into_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its name says in which form; how many rows it has is told."""
    world = World()
    row = await world.bring(ONE)
    path = tmp_path / "rows.ndjson"

    await export(reader(world, is_json=True), "demo", output=str(path))

    assert [LedgerRow.model_validate_json(each) for each in path.read_text().splitlines()] == [row]
    assert documents(capsys) == [{"rows": 1, "file": str(path)}]


async def test_export_onto_stdout(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """Nothing but rows stands there: another program reads them."""
    world = World()
    rows = [await world.bring(ONE, completed_at=NOON)]
    on = reader(world)

    await export(on)

    assert [LedgerRow.model_validate_json(each) for each in capsysbinary.readouterr().out.splitlines()] == rows
    assert shown(on) == []


async def test_a_table_needs_a_file() -> None:
    """It can't be written as rows come, and nobody reads it on a terminal."""
    with pytest.raises(UsageError, match="--format parquet: a table needs a file"):
        await export(reader(World()), form=Form.PARQUET)


async def test_a_file_that_can_not_be_written(tmp_path: Path) -> None:
    """The argument and the reason are named."""
    with pytest.raises(UsageError, match=r"--output .*missing/rows\.ndjson: No such file or directory"):
        await export(reader(World()), output=str(tmp_path / "missing" / "rows.ndjson"))


async def test_the_form_that_was_asked_for(tmp_path: Path) -> None:
    """It wins against the file's name."""
    world, path = World(), tmp_path / "rows.parquet"
    await world.bring(ONE)

    await write_rows(reader(world).app.ledgers.export(), str(path), model=LedgerRow, form=Form.NDJSON, saved=print)

    assert path.read_text().startswith('{"dataset":"demo"')


async def test_rebuild_counts_at_first() -> None:
    """Nothing is written without --yes; what would be is said, and the code says that rows are missing."""
    world = World()
    await world.write(ONE)
    await world.bring(TWO)
    await world.write(asset(item="s2/x", key="x", name="demo/x"), digests=())
    on = reader(world)

    code = await rebuild(on, "demo")

    assert (code, len(world.ledger.rows)) == (Exit.PROBLEMS, 1)
    assert shown(on, most=None) == [
        "blobs in assets:",
        "there    1  their rows name them",
        "missing  1  no row names them",
        "unfit    1  ours, but no row can be made of them",
        "unfit: demo/x: its metadata lacks digests; the next full run brings its row",
        "nothing was written; --yes writes 1 rows",
    ]


async def test_rebuild_writes() -> None:
    """A second time nothing is missing."""
    world = World()
    await world.write(ONE)
    first, second = reader(world), reader(world)

    codes = [await rebuild(first, "demo", yes=True), await rebuild(second, "demo", prefix="demo/")]

    assert (codes, len(world.ledger.rows)) == ([Exit.GOOD, Exit.GOOD], 1)
    assert (shown(first)[-1], shown(second)[-1]) == ("1 rows were written", "no row is missing")


async def test_report_in_a_word() -> None:
    """What became of how many assets, and why it isn't just Completed."""
    world = World()
    await world.begin()
    await world.keep(0, ONE, TWO)
    await world.bring(ONE)
    await world.fail(TWO)
    on = reader(world)

    code = await report(on, RUN)

    assert code is Exit.PROBLEMS
    assert shown(on) == [
        f"run {RUN} of demo: CompletedWithErrors",
        "copied  1",
        "failed  1",
        "bytes   5",
        "pages   1",
        "assets: 1 failed",
    ]


async def test_report_into_a_file(tmp_path: Path) -> None:
    """Every asset is in it, a line each, and the summary names it."""
    world, path = World(), tmp_path / "r.ndjson"
    await world.begin()
    await world.keep(0, ONE)
    await world.bring(ONE, cause="run-0", completed_at=NOON - HOUR)
    on = reader(world)

    code = await report(on, RUN, dataset="demo", output=str(path))

    assert code is Exit.GOOD
    assert [Line.model_validate_json(each).outcome for each in path.read_text().splitlines()] == ["skipped"]
    assert shown(on, most=None)[0] == f"run {RUN} of demo: CompletedWithSkipped"
    assert "every asset stands in" in "\n".join(shown(on, most=None))


async def test_report_onto_stdout(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """The word goes to stderr: on stdout are assets alone."""
    world = World()
    await world.begin()
    await world.keep(0, ONE)
    await world.bring(ONE)
    on = reader(world)

    code = await report(on, RUN, output="-")

    assert (code, notes(on)) == (Exit.GOOD, "Completed\n")
    assert len(capsysbinary.readouterr().out.splitlines()) == 1
