"""Tables in Parquet, and a server of files that knows ranges under a condition."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from shared.catalogs.parquet_bytes import Part, Span
from shared.catalogs.parquet_footer import arrow
from tests.fakes.egress import Answer, Asked

pa = arrow()


def written(rows: Any, *, group_size: int | None = None, **options: Any) -> bytes:
    """A file of these rows (the first has all columns), or of a table."""
    table = pa.Table.from_pylist(rows) if isinstance(rows, list) else rows
    sink = pa.BufferOutputStream()
    pa.parquet.write_table(table, sink, row_group_size=group_size or max(1, table.num_rows), **options)
    return sink.getvalue().to_pybytes()


def stac_row(name: str, *, day: int = 1, **members: Any) -> dict[str, Any]:
    """An item of the collection ``s2`` with one asset."""
    return {
        "id": name,
        "collection": "s2",
        "datetime": datetime(2024, 6, day, 10, tzinfo=UTC),
        "assets": {"data": {"href": f"https://data.example.org/{name}.tif", "file:size": day}},
        **members,
    }


def no_stac_rows() -> Any:
    """A table of items that has none."""
    return pa.Table.from_pylist([stac_row("none")]).slice(0, 0)


def ranged(contents: Mapping[str, bytes], **headers: str) -> Callable[[Asked], Answer]:
    """A server of files as object stores are: ranges, and 412 where If-Match isn't the ETag."""

    def serve(asked: Asked) -> Answer:
        if asked.url not in contents:
            return Answer(status=404)
        content = contents[asked.url]
        stated = {"ETag": f'"{hash(content):x}"', **headers}
        if asked.headers.get("If-Match", stated["ETag"]) != stated["ETag"]:
            return Answer(status=412, headers=stated)
        found = re.fullmatch(r"bytes=([0-9]+)-([0-9]+)", asked.headers.get("Range", ""))
        assert found is not None, "the whole of a table is never asked for"
        first, end = int(found[1]), min(int(found[2]) + 1, len(content))
        if first >= end:
            return Answer(status=416, headers=stated)
        stated["Content-Range"] = f"bytes {first}-{end - 1}/{len(content)}"
        return Answer(status=206, headers=stated, chunks=(content[first:end],))

    return serve


class MemoryFile:
    """A file in memory, and the spans that were read of it."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.read: list[Span] = []

    async def part(self, span: Span, /, *, version: str | None) -> Part:
        """As ``ReadPart``; there is one version."""
        del version
        self.read.append(span)
        return Part(body=self.body[span.first : span.end], total=len(self.body), version="v1")
