"""Rows in files."""

import io
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
from pytest_mock import MockerFixture

from shared.ledgers import Form, Line, Outcome, save, whole_file
from shared.ledgers import files as module
from shared.model.rows import LedgerRow
from tests.contracts.rows import MOMENT, completion
from tests.fakes.tables import pa

_FIELDS = set(LedgerRow.model_fields)


async def rows(*some: LedgerRow) -> AsyncIterator[LedgerRow]:
    """These rows."""
    for each in some:
        yield each


def read(file: io.BytesIO) -> Any:
    """A table as it was written."""
    return pa.parquet.ParquetFile(pa.BufferReader(file.getvalue()))


async def test_lines_of_json() -> None:
    """One row a line, whole, as its own JSON."""
    file, given = io.BytesIO(), [completion("a"), completion("b", validator=None)]

    total = await save(rows(*given), file, model=LedgerRow, form=Form.NDJSON)

    assert total == 2
    assert [LedgerRow.model_validate_json(each) for each in file.getvalue().splitlines()] == given
    assert set(json.loads(file.getvalue().splitlines()[1])) == _FIELDS


async def test_a_table() -> None:
    """A column for each field, with times, numbers and lists as what they are."""
    file, given = io.BytesIO(), [completion("a"), completion("b", validator=None)]

    total = await save(rows(*given), file, model=LedgerRow, form=Form.PARQUET)

    table = read(file).read()
    types = {each.name: str(each.type) for each in table.schema}
    assert total == 2
    assert [
        LedgerRow.model_validate({**each, "digests": tuple(each["digests"])}) for each in table.to_pylist()
    ] == given
    assert types == {
        **dict.fromkeys(_FIELDS, "string"),
        "length": "int64",
        "digests": "list<element: string>",
        "described_at": "timestamp[us, tz=UTC]",
        "completed_at": "timestamp[us, tz=UTC]",
    }


async def test_a_table_without_rows_has_its_columns() -> None:
    """A reader finds the same columns whatever there is."""
    file = io.BytesIO()

    total = await save(rows(), file, model=LedgerRow, form=Form.PARQUET)

    assert (total, read(file).read().num_rows, set(read(file).schema_arrow.names)) == (0, 0, _FIELDS)


@pytest.mark.parametrize("form", list(Form))
async def test_rows_are_written_as_they_come(mocker: MockerFixture, form: Form) -> None:
    """A batch at a time is held and told of; in a table each is a row group."""
    mocker.patch.object(module, "_BATCH", 2)
    file, heard = io.BytesIO(), list[int]()
    given = [completion(str(number), href="https://data.example.org/a") for number in range(5)]

    total = await save(rows(*given), file, model=LedgerRow, form=form, saved=heard.append)

    assert (total, heard) == (5, [2, 2, 1])
    if form is Form.PARQUET:
        groups = read(file).metadata
        assert [groups.row_group(each).num_rows for each in range(groups.num_row_groups)] == [2, 2, 1]


async def test_a_table_of_a_report() -> None:
    """Optional numbers and times are columns of their kind; an outcome is text."""
    file = io.BytesIO()
    line = Line(dataset="d", run="r", item="i", key="k", href="h", outcome=Outcome.COPIED, bytes=5, failed_at=MOMENT)

    async def lines() -> AsyncIterator[Line]:
        yield line

    await save(lines(), file, model=Line, form=Form.PARQUET)

    (found,) = read(file).read().to_pylist()
    assert Line.model_validate({**found, "digests": tuple(found["digests"])}) == line
    assert str(read(file).schema_arrow.field("pass_number").type) == "int64"


@pytest.mark.parametrize(("path", "form"), [("a.parquet", "parquet"), ("A.PARQUET", "parquet"), ("-", "ndjson")])
def test_a_file_says_its_form_by_its_name(path: str, form: str) -> None:
    """What says nothing is JSON."""
    assert Form.of(path) == form


def test_a_file_is_there_when_it_is_whole(tmp_path: Path) -> None:
    """What stood there stays until then, and nothing else is left; others may read it as any file."""
    path, plain = tmp_path / "rows.ndjson", tmp_path / "plain"
    path.write_text("old")
    plain.touch()

    with whole_file(path) as file:
        file.write(b"new")
        file.flush()
        meanwhile = path.read_text()

    assert (meanwhile, path.read_text()) == ("old", "new")
    assert sorted(tmp_path.iterdir()) == [plain, path]
    assert path.stat().st_mode == plain.stat().st_mode


def test_a_file_that_failed_leaves_nothing(tmp_path: Path) -> None:
    """What stood there stands there still."""
    path = tmp_path / "rows.ndjson"
    path.write_text("old")

    with pytest.raises(TypeError), whole_file(path) as file:
        file.writelines((b"ne", cast("bytes", "w")))

    assert [each.read_text() for each in tmp_path.iterdir()] == ["old"]


def test_a_folder_that_is_missing_is_an_error(tmp_path: Path) -> None:
    """Nothing makes it."""
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "missing" / "rows.ndjson"):
        pass


def test_a_link_is_followed(tmp_path: Path) -> None:
    """What it leads to is replaced, and the link stays."""
    path, link = tmp_path / "rows.ndjson", tmp_path / "link"
    link.symlink_to(path)

    with whole_file(link) as file:
        file.write(b"new")

    assert (link.is_symlink(), path.read_text()) == (True, "new")


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    """A pipe, a device, a folder."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with pytest.raises(FileExistsError, match="it is no file that could be replaced"), whole_file(pipe):
        pass

    assert pipe.is_fifo()
