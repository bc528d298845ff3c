import base64
import contextlib
import hashlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.catalogs.manifest import Manifest, ManifestCatalog
from shared.catalogs.manifest_bytes import Opened, OpenManifest, open_by_scheme, open_file, open_web
from shared.catalogs.manifest_lines import Line, split_lines
from shared.catalogs.reader import CatalogReader
from shared.model.datasets import Allowlist
from shared.model.errors import (
    AssetNotFoundError,
    MalformedCatalogError,
    MalformedRequestError,
    SourceChangedError,
    TruncatedBodyError,
    UrlRefusedError,
    WindowError,
)
from shared.model.items import CatalogAsset, CatalogItem, Page
from shared.model.windows import Window
from tests.fakes.egress import Answer, FakeEgress, files

_URL = "https://data.example.org/list"
_ALLOW = Allowlist(hosts=("*.example.org",))
_OPEN = Window()
_MD5 = hashlib.md5(b"a")
_SHA256 = hashlib.sha256(b"a")
_MD5_64 = base64.b64encode(_MD5.digest()).decode()
_A, _B, _C = (f"https://data.example.org/{name}.tif" for name in "abc")


def _memory(content: bytes, *, version: str | None = "1") -> OpenManifest:
    @contextlib.asynccontextmanager
    async def opened(_url: str, offset: int, /) -> AsyncGenerator[Opened]:
        yield Opened(chunks=_chunks(content[offset:], 50), version=version)

    return opened


async def _chunks(content: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def _manifest(content: str | bytes, **catalog: Any) -> Manifest:
    raw = content.encode() if isinstance(content, str) else content
    defaults: dict[str, Any] = {"kind": "manifest", "url": _URL}
    return Manifest(ManifestCatalog(**{**defaults, **catalog}), open_manifest=_memory(raw))


async def _pages(manifest: CatalogReader) -> list[Page]:
    pages = [await manifest.page(None, window=_OPEN)]
    while pages[-1].next_token is not None:
        pages.append(await manifest.page(pages[-1].next_token, window=_OPEN))
    return pages


async def _assets(content: str | bytes, **catalog: Any) -> list[CatalogAsset]:
    """What a manifest lists, if nothing of it is refused."""
    (page,) = await _pages(_manifest(content, **catalog))
    assert page.refusals == ()
    return [asset for item in page.items for asset in item.assets]


async def test_google() -> None:
    """Google's list of URLs is taken as it is, whatever the format stated."""
    content = f"TsvHttpData-1.0\n{_A}\t1357\t{_MD5_64}\n{_B}\t2468\t{_MD5_64}\n{_C}\n"

    expected = [
        CatalogAsset(key=_A, href=_A, size=1357, checksum=f"md5:{_MD5.hexdigest()}"),
        CatalogAsset(key=_B, href=_B, size=2468, checksum=f"md5:{_MD5.hexdigest()}"),
        CatalogAsset(key=_C, href=_C),
    ]
    assert await _assets(content) == expected
    assert await _assets(content, format="csv") == expected


_FULL = CatalogAsset(
    key=_A,
    href=_A,
    size=9,
    checksum=f"sha256:{_SHA256.hexdigest()}",
    updated=datetime(2024, 6, 1, tzinfo=UTC),
    media_type="image/tiff",
    destination="x/a.tif",
)
_NAMES = ("media_type", "unknown", "destination", "SHA256", " url ", "size", "updated", "item")
_VALUES = ("image/tiff", "?", "x/a.tif", _SHA256.hexdigest(), _A, "9", "2024-06-01T00:00:00", "")


@pytest.mark.parametrize(
    ("content", "catalog"),
    [
        (",".join(_NAMES) + "\n" + ",".join(_VALUES), {"format": "csv"}),
        (",".join(_NAMES) + "\n" + ",".join(f'"{each}"' for each in _VALUES), {"url": f"{_URL}.CSV?sig=x"}),
        (",".join(_NAMES) + "\n" + ",".join(_VALUES), {}),
        ("\t".join(_NAMES) + "\n" + "\t".join(_VALUES), {}),
        ("\t".join(_NAMES) + "\n" + "\t".join(_VALUES), {"url": f"{_URL}.tsv"}),
        (json.dumps({**dict(zip(_NAMES, _VALUES, strict=True)), "url": _A, "sha256": _SHA256.hexdigest()}), {}),
        (
            json.dumps({"href": _A, "size": 9, "checksum": f"1220{_SHA256.hexdigest()}", "updated": 1717200000,
                        "md5": None, "media_type": "image/tiff", "destination": "x/a.tif", "unknown": {"a": []}}),
            {"url": f"{_URL}.jsonl"},
        ),
    ],
)  # fmt: skip
async def test_named_columns(content: str, catalog: dict[str, str]) -> None:
    """Columns in any order, and members of JSON objects, say the same; unknown and empty ones say nothing."""
    assert await _assets(content, **catalog) == [_FULL]


@pytest.mark.parametrize(
    ("content", "catalog", "expected"),
    [
        (f"{_A},1,{_MD5.hexdigest()},more", {"format": "csv"}, (_A, 1, f"md5:{_MD5.hexdigest()}")),
        (f"{_A}\t1\t{_MD5.hexdigest()}\tmore", {}, (_A, 1, f"md5:{_MD5.hexdigest()}")),
        (f"{_A}\t\t{_MD5_64}", {}, (_A, None, f"md5:{_MD5.hexdigest()}")),
        ("https://data.example.org/a,b.tif", {}, ("https://data.example.org/a,b.tif", None, None)),
        ("HTTPS://data.example.org/a.tif", {}, ("HTTPS://data.example.org/a.tif", None, None)),
    ],
)
async def test_no_names(content: str, catalog: dict[str, str], expected: tuple[object, ...]) -> None:
    """Without names the columns are address, size and MD5; a plain list of addresses is a manifest too."""
    assert [(each.href, each.size, each.checksum) for each in await _assets(content, **catalog)] == [expected]


@pytest.mark.parametrize(
    ("names", "values", "checksum"),
    [
        ("md5", _MD5_64, f"md5:{_MD5.hexdigest()}"),
        ("sha256", base64.b64encode(_SHA256.digest()).decode(), f"sha256:{_SHA256.hexdigest()}"),
        ("checksum", f"SHA256:{_SHA256.hexdigest()}", f"sha256:{_SHA256.hexdigest()}"),
        ("checksum", f"md5:{_MD5_64}", f"md5:{_MD5.hexdigest()}"),
        ("crc64nvme", "rosUhgp5mIg=", "crc64nvme:ae8b14860a799888"),
        ("crc32c", "4waSgw==", "crc32c:e3069283"),
        ("crc32", "CBF43926", "crc32:cbf43926"),
        ("checksum", "crc32c:4waSgw==", "crc32c:e3069283"),
        ("crc32c\tmd5", f"4waSgw==\t{_MD5_64}", f"md5:{_MD5.hexdigest()}"),
        ("crc32\tcrc32c\tcrc64nvme", "cbf43926\te3069283\trosUhgp5mIg=", "crc64nvme:ae8b14860a799888"),
        ("crc32\tcrc32c", "cbf43926\te3069283", "crc32c:e3069283"),
        ("md5\tsha256", f"{_MD5_64}\t{_SHA256.hexdigest()}", f"sha256:{_SHA256.hexdigest()}"),
        ("sha256\tchecksum", f"{_SHA256.hexdigest()}\tmd5:{_MD5_64}", f"md5:{_MD5.hexdigest()}"),
    ],
)
async def test_checksums(names: str, values: str, checksum: str) -> None:
    """Digests are read in hex or Base64; of several, that of the column checksum, else the strongest, is taken."""
    (found,) = await _assets(f"url\t{names}\n{_A}\t{values}")

    assert found.checksum == checksum


async def test_ends_and_comments() -> None:
    """A byte order mark, CRLF, blank lines and comments are no files, and no last line end is needed."""
    content = f"\ufeff# files\r\n\r\nurl,size\r\n{_A},1\r\n   \r\n#{_C},1\r\n{_B},2"

    found = await _assets(content, format="csv")

    assert [(each.href, each.size) for each in found] == [(_A, 1), (_B, 2)]


@pytest.mark.parametrize("content", ["", "\n\n", "# nothing\n", "TsvHttpData-1.0\n", "url,size\n"])
async def test_empty(content: str) -> None:
    """A manifest without files is one empty page."""
    assert await _pages(_manifest(content)) == [Page(items=(), next_token=None)]


async def test_items() -> None:
    """Lines of one item on one page are one item; a line without one is an item of its own, under its unsigned href."""
    content = f"url,item\n{_A}?sig=x&sp=r,i1\n{_B}?sig=x,\n{_C},i1\n"

    (page,) = await _pages(_manifest(content, format="csv"))

    assert page.items == (
        CatalogItem(
            item="i1",
            id="i1",
            assets=(CatalogAsset(key=_A, href=f"{_A}?sig=x&sp=r"), CatalogAsset(key=_C, href=_C)),
        ),
        CatalogItem(item=_B, id=_B, assets=(CatalogAsset(key=_B, href=f"{_B}?sig=x"),)),
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"", None),
        (b"ftp://data.example.org/a,1,", "url: "),
        (b"a.tif,1,", "url: "),
        (b"//data.example.org/a.tif,1,", "url: "),
        (b"https:///a.tif,1,", "url: "),
        (b"https://[,1,", "url: "),
        (b",1,", "url: Field required"),
        (_A.encode() + b",-1,", "size: "),
        (_A.encode() + b",1.5,", "size: "),
        (_A.encode() + b",big,", "size: "),
        (_A.encode() + b",9223372036854775808,", "size: "),
        (_A.encode() + b",1,abc", "md5: "),
        (_A.encode() + b",1,,yesterday", "updated: "),
        (_A.encode() + b",1,,0001-01-01T00:00:00+01:00", "updated: "),
        (_A.encode() + b',1,"', "unexpected end of data"),
        (_A.encode() + b',1,"a"b', "expected after"),
        (_A.encode() + b"\xff,1,", "isn't UTF-8"),
        (_A.encode() + b"?" + b"a" * 65536, "more than 65536 bytes"),
    ],
)
async def test_bad_line(line: bytes, said: str | None) -> None:
    """A bad line is refused by its number and stops nothing else; a blank one is none."""
    content = b"url,size,md5,updated\n%s,1,,\n%s\n%s,2,,\n" % (_B.encode(), line, _C.encode())

    (page,) = await _pages(_manifest(content, url=f"{_URL}?sig=hush&v=2", format="csv"))

    assert [each.item for each in page.items] == [_B, _C]
    assert [each.item for each in page.refusals] == ([f"line 3 of {_URL}?v=2"] if said else [])
    assert [said in each.message for each in page.refusals if said] == [True] * bool(said)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[]", "the whole: "),
        ("{", "found '{'"),
        ('{"url": NaN}', "NaN is no JSON"),
        ('{"url": ' + "[" * 65 + "]" * 65 + "}", "64 levels"),
        ('{"size": 1}', "url: Field required"),
        ('{"url": "https://data.example.org/\\ud800"}', "url: "),
        ('{"url": "https://data.example.org/a", "item": []}', "item: "),
        ('{"url": "https://data.example.org/a", "checksum": "crc:00"}', "checksum: "),
        # The digits of a number aren't hex.
        ('{"url": "https://data.example.org/a", "crc32": 12345678}', "crc32: "),
        ('{"url": "https://data.example.org/a", "crc32c": 12345678}', "crc32c: "),
        ('{"url": "https://data.example.org/a", "crc64nvme": 1234567812345678}', "crc64nvme: "),
        ('{"url": "https://u:hush@data.example.org/a?sig=hush", "size": "x"}', "size: "),
        ('{"url": "ftp://u:hush@data.example.org/a?sig=hush"}', "url: "),
    ],
)
async def test_bad_object(line: str, said: str) -> None:
    """A line that is no JSON object, or a wrong one, is refused without repeating a secret."""
    (page,) = await _pages(_manifest(f'{{"url": "{_A}"}}\n{line}\n{{"url": "{_B}"}}'))

    assert [each.item for each in page.items] == [_A, _B]
    (refusal,) = page.refusals
    assert (refusal.item, refusal.error) == (f"line 2 of {_URL}", "MalformedCatalogError")
    assert said in refusal.message
    assert "hush" not in refusal.message


async def test_bad_first_line() -> None:
    """A first line that can't be read says nothing of the others."""
    (page,) = await _pages(_manifest(b'"\n\xff\nurl,size\n%s,1' % _A.encode(), format="csv"))

    assert [(each.item, each.assets[0].size) for each in page.items] == [(_A, 1)]
    assert [each.item for each in page.refusals] == [f"line 1 of {_URL}", f"line 2 of {_URL}"]


@settings(deadline=None)
@given(
    kinds=st.lists(st.sampled_from(["good", "bad", "", "# comment", "long"]), max_size=12),
    page_size=st.integers(1, 5),
    end=st.sampled_from(["\n", "\r\n"]),
    header=st.booleans(),
)
async def test_pages(kinds: list[str], page_size: int, end: str, header: bool) -> None:  # noqa: FBT001 - drawn
    """Whatever the page size, the pages together list each line once, with its number, in order."""
    lines = ["TsvHttpData-1.0"] * header + [
        {"good": f"https://h/{number}", "long": "x" * 70_000}.get(kind, kind) for number, kind in enumerate(kinds)
    ]
    content = end.join(lines) + end

    pages = await _pages(_manifest(content, page_size=page_size))

    listed = [each.item for page in pages for each in page.items]
    refused = [each.item for page in pages for each in page.refusals]
    assert listed == [line for line in lines if line.startswith("https")]
    assert refused == [
        f"line {number} of {_URL}" for number, line in enumerate(lines, start=1) if line == "bad" or len(line) > 65536
    ]
    assert {len(page.items) + len(page.refusals) == page_size for page in pages[:-1]} <= {True}


@settings(deadline=None)
@given(
    content=st.binary(max_size=300), page_size=st.integers(1, 3), form=st.sampled_from(["auto", "csv", "tsv", "ndjson"])
)
async def test_junk(content: bytes, page_size: int, form: str) -> None:
    """No bytes make a manifest raise, or lose a line without saying so."""
    pages = await _pages(_manifest(content, page_size=page_size, format=form))

    assert all(len(page.items) + len(page.refusals) <= page_size for page in pages)


@settings(deadline=None)
@given(content=st.text("a\n", max_size=60), size=st.integers(1, 9), offset=st.integers(0, 5))
async def test_lines(content: str, size: int, offset: int) -> None:
    """Lines are cut in the same places whatever the chunks are, and know their offsets."""
    raw = content.encode()

    lines = [each async for each in split_lines(_chunks(raw, size), number=3, offset=offset)]

    expected = raw.removesuffix(b"\n").split(b"\n") if raw else []
    assert [each.raw for each in lines] == expected
    assert [each.number for each in lines] == list(range(3, 3 + len(expected)))
    assert [raw[each.offset - offset :].startswith(each.raw or b"") for each in lines] == [True] * len(lines)


async def test_long_line_takes_no_memory() -> None:
    """A line without an end is passed by, not collected."""

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 60_000
        yield b"\nnext"

    lines = [each async for each in split_lines(endless(), number=1, offset=0)]

    assert lines == [Line(number=1, offset=0, raw=None), Line(number=2, offset=6_000_001, raw=b"next")]


async def test_window() -> None:
    """A manifest has no times, so only an open window can be asked for."""
    with pytest.raises(WindowError) as raised:
        await _manifest(_A).page(None, window=Window.parse("2024-01-01/.."))

    assert raised.value.field == "window"


async def test_changed() -> None:
    """A manifest that changed between two pages isn't read on: the offset could lie within a line."""
    catalog = ManifestCatalog(kind="manifest", url=_URL, page_size=1)
    content = f"{_A}\n{_B}\n".encode()
    first = await Manifest(catalog, open_manifest=_memory(content)).page(None, window=_OPEN)

    with pytest.raises(SourceChangedError):
        await Manifest(catalog, open_manifest=_memory(content, version="2")).page(first.next_token, window=_OPEN)


async def test_no_version() -> None:
    """Where nothing tells versions apart, a manifest is read on."""
    manifest = Manifest(
        ManifestCatalog(kind="manifest", url=_URL, page_size=1),
        open_manifest=_memory(f"{_A}\n{_B}\n".encode(), version=None),
    )

    assert [each.item for page in await _pages(manifest) for each in page.items] == [_A, _B]


@pytest.mark.parametrize("token", ["", "junk", '{"offset": -1}', '{"offset": 1, "layout": {"format": "xml"}}'])
async def test_malformed_token(token: str) -> None:
    """A token that is none of ours is a malformed request."""
    with pytest.raises(MalformedRequestError):
        await _manifest(_A).page(token, window=_OPEN)


@pytest.mark.parametrize("ranges", [True, False])
async def test_web(ranges: bool) -> None:  # noqa: FBT001 - a case's outcome
    """A server's manifest is read by ranges, or from its beginning where the server knows none."""
    http = FakeEgress(files({_URL: f"{_A}\n{_B}\n{_C}\n".encode()}, ranges=ranges))
    catalog = ManifestCatalog(kind="manifest", url=_URL, page_size=1)
    manifest = Manifest(catalog, open_manifest=open_web(http, allow=_ALLOW))

    pages = await _pages(manifest)

    assert [each.item for page in pages for each in page.items] == [_A, _B, _C]
    assert [each.headers for each in http.asked] == [{}, {"Range": "bytes=31-"}, {"Range": "bytes=62-"}]


async def _read_web(answer: Answer, *, url: str = _URL, offset: int = 10) -> bytes:
    http = FakeEgress(lambda _: answer)
    async with open_web(http, allow=_ALLOW)(url, offset) as opened:
        return b"".join([chunk async for chunk in opened.chunks])


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(status=404), AssetNotFoundError),
        (Answer(status=416), SourceChangedError),
        (Answer(chunks=(b"short",)), SourceChangedError),
        (Answer(status=206, chunks=(b"x",)), MalformedCatalogError),
        (Answer(status=206, headers={"Content-Range": "bytes 11-20/21"}, chunks=(b"x",)), MalformedCatalogError),
        (Answer(chunks=(b"0123456789ab",), truncated=True), TruncatedBodyError),
    ],
)
async def test_web_errors(answer: Answer, error: type[Exception]) -> None:
    """A server that hasn't the manifest, or not these bytes of it, is no end of the manifest."""
    with pytest.raises(error):
        await _read_web(answer)


async def test_web_begins_earlier() -> None:
    """A server that sends more than was asked for is read from the right place on."""
    answer = Answer(status=206, headers={"content-range": "bytes 8-13/14"}, chunks=(b"8", b"9ab", b"cd"))

    assert await _read_web(answer) == b"abcd"


async def test_web_outside_the_allowlist() -> None:
    """A manifest on a host that isn't allowed is refused."""
    with pytest.raises(UrlRefusedError):
        await _read_web(Answer(), url="https://evil.example.net/list")


@pytest.mark.parametrize(
    ("headers", "version"),
    [({"ETag": '"1"', "Last-Modified": "then"}, '"1"'), ({"Last-Modified": "then"}, "then"), ({}, None)],
)
async def test_web_version(headers: dict[str, str], version: str | None) -> None:
    """A version is told by ETag, else by time of change."""
    async with open_web(FakeEgress(lambda _: Answer(headers=headers)), allow=_ALLOW)(_URL, 0) as opened:
        assert opened.version == version


async def test_file(tmp_path: Path) -> None:
    """A manifest in the app's folder is read page by page."""
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "urls.txt").write_text(f"{_A}\n{_B}\n")
    catalog = ManifestCatalog(kind="manifest", url="file:lists/urls.txt", page_size=1)
    manifest = Manifest(catalog, open_manifest=open_file(tmp_path))

    assert [each.item for page in await _pages(manifest) for each in page.items] == [_A, _B]


@pytest.mark.parametrize("path", ["missing.txt", "../secret.txt", "/etc/passwd", "."])
async def test_file_elsewhere(path: str, tmp_path: Path) -> None:
    """A file that is missing or lies outside the app's folder isn't found."""
    (tmp_path / "secret.txt").write_text("x")
    (tmp_path / "app").mkdir()

    with pytest.raises(AssetNotFoundError):
        async with open_file(tmp_path / "app")(f"file:{path}", 0):
            pass


async def test_file_shrunk(tmp_path: Path) -> None:
    """A file that ends before the offset has changed."""
    (tmp_path / "urls.txt").write_text("x")

    with pytest.raises(SourceChangedError):
        async with open_file(tmp_path)("file:urls.txt", 2):
            pass


@pytest.mark.parametrize(
    ("url", "opener"),
    [(_URL, "web"), ("http://h/x", "web"), ("blob://lists/urls.txt", "blob"), ("file:urls.txt", "file")],
)
async def test_openers(url: str, opener: str) -> None:
    """The address says where a manifest lies."""
    openers = {name: _memory(name.encode()) for name in ("web", "blob", "file")}

    async with open_by_scheme(**openers)(url, 0) as opened:
        assert b"".join([chunk async for chunk in opened.chunks]).decode() == opener


async def test_object_stores() -> None:
    """A line may name an object of a bucket, and is refused where no bucket has such a name."""
    (page,) = await _pages(
        _manifest("s3://bucket/a b.tif\ngs://bucket/c.tif\naz://data/con/d.tif\ns3://Bucket/e.tif\n")
    )

    hrefs = [asset.href for item in page.items for asset in item.assets]
    assert hrefs == ["s3://bucket/a b.tif", "gs://bucket/c.tif", "az://data/con/d.tif"]
    assert ["it isn't s3://bucket/key" in each.message for each in page.refusals] == [True]


_ITEM_LINES = "url,item\n" + "".join(
    f"https://data.example.org/{name}.tif,{item}\n{comment}"
    for name, item, comment in [
        ("a", "one", ""),
        ("b", "two", ""),
        ("c", "two", "# more of it\n"),
        ("d", "two", ""),
        ("e", "three", ""),
        ("f", "", ""),
        ("g", "", ""),
    ]
)


async def _items(content: str, **catalog: Any) -> list[list[tuple[str, int]]]:
    """The items of each page, with how many assets each has there."""
    pages = await _pages(_manifest(content, format="csv", **catalog))
    return [[(each.item, len(each.assets)) for each in page.items] for page in pages]


async def test_lines_of_one_item_stand_on_one_page() -> None:
    """A page goes on to the end of its last item, over comments; lines without an item are one each."""
    found = await _items(_ITEM_LINES, page_size=2)

    lone = [(f"https://data.example.org/{name}.tif", 1) for name in "fg"]
    assert found == [[("one", 1), ("two", 3)], [("three", 1), lone[0]], [lone[1]]]


async def test_an_item_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page goes on for so long and no longer."""
    monkeypatch.setattr("shared.catalogs.manifest._MOST_MORE", 1)

    found = await _items(_ITEM_LINES, page_size=1)

    assert found[1:3] == [[("two", 2)], [("two", 1)]]


async def test_a_bad_line_after_an_item() -> None:
    """It begins the next page, and is refused there."""
    pages = await _pages(
        _manifest("url,item,size\nhttps://h/a,one,1\nhttps://h/b,one,much\n", format="csv", page_size=1)
    )

    assert [(len(page.items), len(page.refusals)) for page in pages] == [(1, 0), (0, 1)]
