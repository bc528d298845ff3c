import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from pathlib import Path

import pytest

from shared.catalogs.kind import Ways
from shared.catalogs.manifest_bytes import Opened
from shared.catalogs.parquet_bytes import Part, RangedFile, Span, read_by_scheme, read_web
from shared.model.datasets import Allowlist
from shared.model.errors import AssetNotFoundError, MalformedCatalogError, SourceChangedError, TruncatedBodyError
from tests.fakes.egress import Answer, FakeEgress
from tests.fakes.tables import ranged
from tests.fakes.ways import ways

_URL = "https://data.example.org/a.parquet?sv=1&sig=secret"
_ALLOW = Allowlist(hosts=("data.example.org",))
_BODY = b"PAR1-the-rest"
_SPAN = Span(5, 3)
_HONEST = {"ETag": '"v1"', "Content-Range": "bytes 5-7/13"}
_LATER = {"Last-Modified": "Sat, 01 Jun 2024 10:00:00 GMT", "Date": "Sat, 01 Jun 2024 10:02:00 GMT"}


async def _read(answer: Answer, *, version: str | None = None) -> Part:
    return await read_web(_URL, FakeEgress(lambda _: answer), allow=_ALLOW)(_SPAN, version=version)


async def test_spans_of_one_version() -> None:
    """A file is asked for by ranges, all but the first under the condition that it is the same."""
    http = FakeEgress(ranged({_URL: _BODY}, ETag='"v1"'))

    file = await RangedFile.opened(_URL, read_web(_URL, http, allow=_ALLOW), version=None)
    body = await file.read(_SPAN)

    assert (file.beginning, file.total, file.version, body) == (b"PAR1", 13, 'etag:"v1"', b"the")
    assert [dict(each.headers) for each in http.asked] == [
        {"Range": "bytes=0-3"},
        {"Range": "bytes=5-7", "If-Match": '"v1"'},
    ]


async def test_a_date_pins_too() -> None:
    """Without an ETag a Last-Modified that had settled tells versions apart."""
    http = FakeEgress(
        lambda _: Answer(status=206, headers=_LATER | {"Content-Range": "bytes 5-7/13"}, chunks=(b"the",))
    )
    part = read_web(_URL, http, allow=_ALLOW)

    first = await part(_SPAN, version=None)
    await part(_SPAN, version=first.version)

    assert first.version == "modified:Sat, 01 Jun 2024 10:00:00 GMT"
    assert http.asked[1].headers["If-Unmodified-Since"] == "Sat, 01 Jun 2024 10:00:00 GMT"


@pytest.mark.parametrize(
    ("status", "headers", "message"),
    [
        (200, _HONEST, "knows no ranges; put the file where"),
        (206, {"ETag": '"v1"'}, "knows no ranges"),
        (206, _HONEST | {"Content-Range": "bytes 5-8/13"}, "another range"),
        (206, _HONEST | {"Content-Encoding": "gzip"}, "Content-Encoding"),
        (206, _HONEST | {"ETag": 'W/"v1"'}, "neither a strong ETag"),
        (416, {}, "the file is empty"),
    ],
)
async def test_answers_that_are_no_part(status: int, headers: Mapping[str, str], message: str) -> None:
    """What isn't exactly the part of a version is refused, with what can be done."""
    with pytest.raises(MalformedCatalogError, match=message):
        await _read(Answer(status=status, headers=headers, chunks=(b"the",)))


@pytest.mark.parametrize("status", [412, 416])
async def test_another_version(status: int) -> None:
    """A server that hasn't the version any more says so, and the run begins anew."""
    with pytest.raises(SourceChangedError, match="isn't the one that the run began with"):
        await _read(Answer(status=status), version='etag:"v0"')


async def test_a_version_that_nobody_asked_for() -> None:
    """A cache that ignores the condition is found out by the answer's own ETag."""
    with pytest.raises(SourceChangedError, match="another version"):
        await _read(Answer(status=206, headers=_HONEST, chunks=(b"the",)), version='etag:"v0"')


async def test_more_bytes_than_asked_for() -> None:
    """A body that goes on is given up."""
    with pytest.raises(MalformedCatalogError, match="more bytes"):
        await _read(Answer(status=206, headers=_HONEST, chunks=(b"the-rest",)))


async def test_fewer_bytes_than_asked_for() -> None:
    """A body that ends early is worth another try."""
    with pytest.raises(TruncatedBodyError, match="2 bytes of 3"):
        await _read(Answer(status=206, headers=_HONEST, chunks=(b"th",)))


async def test_missing_file() -> None:
    """An error names the file, without its signature."""
    part = read_web(_URL, FakeEgress(lambda _: Answer(status=404)), allow=_ALLOW)

    with pytest.raises(AssetNotFoundError, match=r"^https://data\.example\.org/a\.parquet: data"):
        await RangedFile.opened(_URL, part, version=None)


def _blob(version: str | None, *, total: int | None) -> Ways:
    """The ways to one blob."""

    @contextlib.asynccontextmanager
    async def opened(url: str, offset: int, length: int | None = None, /) -> AsyncGenerator[Opened]:
        assert url == "blob://lists/a.parquet"
        end = None if length is None else offset + length
        yield Opened(chunks=_chunks(_BODY[offset:end]), version=version, total=total)

    http = FakeEgress(lambda _: Answer(status=404))
    return Ways(http=http, sign=ways(http).sign, open_blob=opened, root=Path("/nonexistent"))


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    for each in body:
        yield bytes([each])


async def test_blob() -> None:
    """A blob is read by spans, and told by its ETag."""
    part = read_by_scheme("blob://lists/a.parquet", _blob("v1", total=13), allow=_ALLOW)

    assert await part(_SPAN, version="v1") == Part(body=b"the", total=13, version="v1")
    with pytest.raises(SourceChangedError, match="has changed"):
        await part(_SPAN, version="v0")


@pytest.mark.parametrize(("version", "total"), [(None, 13), ("v1", None)])
async def test_blob_of_no_version(version: str | None, total: int | None) -> None:
    """A storage that can't tell versions apart is none to read from."""
    part = read_by_scheme("blob://lists/a.parquet", _blob(version, total=total), allow=_ALLOW)

    with pytest.raises(MalformedCatalogError, match="neither length nor version"):
        await part(_SPAN, version=None)


async def test_a_span_that_ends_early() -> None:
    """A span that was in the file and isn't any more is another version's."""
    part = read_by_scheme("blob://lists/a.parquet", _blob("v1", total=13), allow=_ALLOW)
    file = await RangedFile.opened("blob://lists/a.parquet", part, version=None)

    with pytest.raises(SourceChangedError, match="ended at byte 13"):
        await file.read(Span(12, 4))


async def test_file(tmp_path: Path) -> None:
    """A file of the app's folder is read by spans, and no further."""
    (tmp_path / "a.parquet").write_bytes(_BODY)
    http = FakeEgress(lambda _: Answer(status=404))
    part = read_by_scheme("file:a.parquet", _with_root(http, tmp_path), allow=_ALLOW)

    assert await part(_SPAN, version=None) == Part(body=b"the", total=13, version="length:13")


async def test_web(tmp_path: Path) -> None:
    """All else is asked of a server."""
    http = FakeEgress(ranged({_URL: _BODY}))
    part = read_by_scheme(_URL, _with_root(http, tmp_path), allow=_ALLOW)

    assert (await part(_SPAN, version=None)).body == b"the"


def _with_root(http: FakeEgress, root: Path) -> Ways:
    known = ways(http)
    return Ways(http=http, sign=known.sign, open_blob=known.open_blob, root=root)
