"""Rows into a file, or onto stdout for another program."""

import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel

from shared.ledgers import Form, save, whole_file
from sluice.session import UsageError

STDOUT = "-"

FORMAT = Annotated[Form | None, typer.Option("--format", help="Default: parquet for a file of that name, else ndjson.")]


async def write_rows[Row: BaseModel](
    rows: AsyncIterator[Row], to: str, *, model: type[Row], form: Form | None, saved: Callable[[int], None]
) -> int:
    """Write rows as they come; a file has its name once it is whole. Returns how many there were. Raises UsageError."""
    form = form or Form.of(to)
    if to == STDOUT:
        if form is Form.PARQUET:
            raise UsageError("--format parquet: a table needs a file; name one with --output")
        return await save(rows, sys.stdout.buffer, model=model, form=form, saved=saved)
    try:
        with whole_file(Path(to)) as file:
            return await save(rows, file, model=model, form=form, saved=saved)
    except OSError as error:
        raise UsageError(f"--output {to}: {error.strerror or error}") from error
