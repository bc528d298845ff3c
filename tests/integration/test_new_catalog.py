"""What docs/new-catalog.md shows, as it stands there: a kind of catalog, and a dataset that has it."""

import ast
import json
import tomllib
from collections.abc import Generator

import pytest

from shared.catalogs.kinds import KINDS, reader_of
from shared.catalogs.reader import CatalogReader
from shared.egress import Egress
from shared.model.datasets import Dataset, Datasets
from shared.model.errors import MalformedCatalogError, WindowError
from shared.model.items import Page
from shared.model.kinds import define
from shared.model.selection import plan_page
from shared.model.windows import Window
from tests.fakes.documented import block, json_index
from tests.fakes.raw_server import Answer, RawServer, reply
from tests.fakes.ways import ways

_LONGEST = 40
_ABC = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.fixture(autouse=True)
def kinds() -> Generator[None]:
    """The line of the page."""
    define((*KINDS, json_index().JsonIndexCatalog))
    yield
    define(KINDS)


def _dataset(port: int) -> Dataset:
    """The dataset of the page, from this server."""
    text = block("toml").replace("https://data.example.org", f"http://127.0.0.1:{port}")
    (defined,) = Datasets.model_validate(tomllib.loads(text.replace("data.example.org", "127.0.0.1"))).datasets.values()
    local = {"http_hosts": ("127.0.0.1",), "ports": (port,), "private_networks": ("127.0.0.0/8",)}
    return defined.model_copy(update={"allow": defined.allow.model_copy(update=local)})


async def _pages(reader: CatalogReader) -> list[Page]:
    pages = [await reader.page(None, window=Window())]
    while (token := pages[-1].next_token) is not None:
        pages.append(await reader.page(token, window=Window()))
    return pages


def _json(document: object) -> Answer:
    return Answer(sent=reply(json.dumps(document).encode()))


async def test_read_and_planned(server: RawServer, egress: Egress) -> None:
    """A dataset of the new kind is read, paged through along its links, and its files are ready to be asked for."""
    server.answers = {
        "/index.json": (_json({"files": [{"url": "a.tif", "size": 3, "sha256": _ABC[7:]}], "next": "more/2.json"}),),
        "/more/2.json": (_json({"files": [{"url": "b.tif"}], "next": None}),),
    }
    defined = _dataset(server.port)

    first, second = await _pages(reader_of(defined, ways(egress)))

    planned = [plan_page(each, dataset_name="archive", dataset=defined, capacity=9) for each in (first, second)]
    assets = [asset for page, _ in planned for item in page.items for asset in item.assets]
    assert [(each.href, each.name, each.size, each.checksum) for each in assets] == [
        (server.url("/a.tif"), "archive/127.0.0.1/a.tif", 3, _ABC),
        (server.url("/more/b.tif"), "archive/127.0.0.1/more/b.tif", None, None),
    ]


async def test_what_is_no_file(server: RawServer, egress: Egress) -> None:
    """An entry that can't be read is refused, with its place and what is wrong, and stops nothing else."""
    entries = [{"url": "a.tif", "size": -1}, "b.tif", {"url": "https://[", "size": 1}, {"url": "c.tif"}]
    server.answers = {"/index.json": (_json({"files": entries}),)}

    (page,) = await _pages(reader_of(_dataset(server.port), ways(egress)))

    assert [each.item for each in page.items] == [server.url("/c.tif")]
    place = server.url("/index.json")
    assert [(each.item, each.message.partition(",")[0]) for each in page.refusals] == [
        (f"file 1 of {place}", "size: Input should be greater than or equal to 0"),
        (f"file 2 of {place}", "the whole: Input should be a valid dictionary or instance of _File"),
        (f"file 3 of {place}", "Invalid IPv6 URL"),
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>", "is no index: Expecting value"),
        (b"{}", "is no index: files: Field required"),
        (b'{"files": [], "next": 7}', "is no index: next: Input should be a valid string, found 7"),
        (b'{"files": [], "next": "https://["}', "is no index: Invalid IPv6 URL"),
    ],
)
async def test_what_is_no_index(body: bytes, said: str, server: RawServer, egress: Egress) -> None:
    """A page that can't be read is an error that says what is wrong, and never the end of the index."""
    server.answers = {"/index.json": (Answer(sent=reply(body)),)}

    with pytest.raises(MalformedCatalogError, match=said):
        await _pages(reader_of(_dataset(server.port), ways(egress)))


async def test_it_has_no_times(server: RawServer, egress: Egress) -> None:
    """A window that isn't open is refused, and nobody is asked."""
    reader = reader_of(_dataset(server.port), ways(egress))

    with pytest.raises(WindowError):
        await reader.page(None, window=Window.parse("2024-01-01/.."))
    assert server.asked == []


def test_its_length() -> None:
    """It has fewer than forty lines beside imports, docstrings and blank ones."""
    tree = ast.parse(block("python"))
    left_out = [each for each in tree.body if isinstance(each, ast.ImportFrom)]
    left_out += [each for each in ast.walk(tree) if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)]
    lines = {number for each in left_out for number in range(each.lineno, (each.end_lineno or 0) + 1)}

    written = block("python").splitlines()
    assert len([each for number, each in enumerate(written, start=1) if each and number not in lines]) < _LONGEST
