"""Rows in files: JSON, a line each, or Parquet in row groups; a file is there whole or not at all."""

import asyncio
import contextlib
import errno
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, Protocol, get_args

from pydantic import AwareDatetime, BaseModel

from shared.catalogs.parquet_footer import arrow

#: Rows that are held at a time: of a row group some ten MiB.
_BATCH = 10_000


class Form(StrEnum):
    """How rows are written."""

    NDJSON = "ndjson"
    PARQUET = "parquet"

    @classmethod
    def of(cls, path: str) -> "Form":
        """What a file's name says; JSON where it says nothing."""
        return cls.PARQUET if path.lower().endswith(".parquet") else cls.NDJSON


async def save[Row: BaseModel](
    rows: AsyncIterator[Row],
    file: BinaryIO,
    *,
    model: type[Row],
    form: Form,
    saved: Callable[[int], None] = lambda _: None,
) -> int:
    """Write rows as they come; ``saved`` hears how many more. Returns how many there were."""
    total = 0
    with _writer(file, model=model, form=form) as writer:
        batch: list[Row] = []
        async for row in rows:
            batch.append(row)
            if len(batch) == _BATCH:
                await asyncio.to_thread(writer.write, batch)
                total += len(batch)
                saved(len(batch))
                batch = []
        await asyncio.to_thread(writer.write, batch)
        saved(len(batch))
    return total + len(batch)


@contextlib.contextmanager
def whole_file(path: Path) -> Generator[BinaryIO]:
    """A file that takes its name, from what stood there, when the block has ended well; otherwise it goes away.

    Raises OSError, also where something stands there that is no file: a device must not be replaced.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        raise FileExistsError(errno.EEXIST, "it is no file that could be replaced", str(path))
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        mask = os.umask(0)
        os.umask(mask)
        # A temporary file is its owner's alone.
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise


class _Writer(Protocol):
    def write(self, rows: Sequence[BaseModel], /) -> None: ...


@contextlib.contextmanager
def _writer(file: BinaryIO, *, model: type[BaseModel], form: Form) -> Generator[_Writer]:
    if form is Form.NDJSON:
        yield _Lines(file)
        return
    pa = arrow()
    schema = _schema(model, pa)
    with pa.parquet.ParquetWriter(file, schema, compression="zstd") as parquet:
        yield _Groups(parquet, schema, pa)


class _Lines:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, rows: Sequence[BaseModel], /) -> None:
        self._file.writelines(row.model_dump_json().encode() + b"\n" for row in rows)


class _Groups:
    def __init__(self, parquet: Any, schema: Any, pa: Any) -> None:
        self._parquet = parquet
        self._schema = schema
        self._pa = pa

    def write(self, rows: Sequence[BaseModel], /) -> None:
        if rows:
            table = self._pa.Table.from_pylist([each.model_dump() for each in rows], schema=self._schema)
            self._parquet.write_table(table)


def _schema(model: type[BaseModel], pa: Any) -> Any:
    """A model's fields as columns, so that files without rows have them too."""
    types: dict[object, Any] = {
        int: pa.int64(),
        AwareDatetime: pa.timestamp("us", tz="UTC"),
        tuple[str, ...]: pa.list_(pa.string()),
    }
    fields = [
        pa.field(name, next((types[each] for each in _alternatives(field.annotation) if each in types), pa.string()))
        for name, field in model.model_fields.items()
    ]
    return pa.schema(fields)


def _alternatives(annotation: object) -> tuple[object, ...]:
    """The types of which a field's value has one."""
    return (annotation, *get_args(annotation))
