import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.catalogs import http_index
from shared.catalogs.http_index import HttpIndex, HttpIndexCatalog
from shared.catalogs.index_html import Link, links_of
from shared.model.datasets import Allowlist
from shared.model.errors import (
    AssetNotFoundError,
    MalformedCatalogError,
    SourceChangedError,
    SourceRefusedError,
    UrlRefusedError,
    WindowError,
)
from shared.model.items import CatalogAsset, CatalogItem, Page
from shared.model.windows import Window
from tests.fakes.egress import Answer, Asked, FakeEgress

_TOP = "https://data.example.org/pub/"
_ALLOW = Allowlist(hosts=("*.example.org",))
_OPEN = Window()
_HTML = {"Content-Type": "text/html;charset=UTF-8"}
_INDEXES = Path(__file__).resolve().parent.parent.parent / "fakes" / "indexes"


def _answer(*hrefs: str, **members: Any) -> Answer:
    body = "".join(f'<a href="{each}">{each}</a>\n' for each in ("../", *hrefs))
    defaults: dict[str, Any] = {"headers": _HTML, "chunks": (f"<html><body>{body}</body></html>".encode(),)}
    return Answer(**{**defaults, **members})


_PLACES: dict[str, Answer] = {
    _TOP: _answer("b.tif", "2024/", "a.tif", "empty/"),
    f"{_TOP}2024/": _answer("06/", "c%20d.tif", "notes.txt"),
    f"{_TOP}2024/06/": _answer("e.tif"),
    f"{_TOP}empty/": _answer(),
}
_FILES = ["b.tif", "2024/06/e.tif", "2024/c%20d.tif", "2024/notes.txt", "a.tif"]


def _index(places: Mapping[str, Answer] = _PLACES, **catalog: Any) -> tuple[HttpIndex, FakeEgress]:
    http = FakeEgress(lambda asked: places.get(asked.url, Answer(status=404)))
    values: dict[str, Any] = {"kind": "http_index", "url": _TOP, **catalog}
    return HttpIndex(HttpIndexCatalog(**values), allow=_ALLOW, http=http), http


async def _pages(places: Mapping[str, Answer] = _PLACES, **catalog: Any) -> list[Page]:
    pages: list[Page] = []
    while not pages or pages[-1].next_token is not None:
        token = pages[-1].next_token if pages else None
        # Another process, which knows no more than the message.
        pages.append(await _index(places, **catalog)[0].page(token, window=_OPEN))
    return pages


async def _names(places: Mapping[str, Answer] = _PLACES, **catalog: Any) -> list[str]:
    """The paths of all files below the top."""
    pages = await _pages(places, **catalog)
    return [asset.href.removeprefix(_TOP) for page in pages for item in page.items for asset in item.assets]


_LONG = "long-" * 20 + ".tif"
_FOLDERS = {"2024/": "2024", "a%20b/": "a b", "empty/": "empty"}


@pytest.mark.parametrize(
    ("server", "hrefs"),
    [
        ("nginx", [*_FOLDERS, "100%25.tif", "a.tif", "a%3Ab.tif", "b%20%26%20c.tif", _LONG, "%C3%A9%20%231%3F.tif"]),
        (
            "apache-plain",
            ["100%25.tif", "2024/", "a%20b/", "a.tif", "a:b.tif", "b%20&%20c.tif", "empty/", _LONG,
             "%c3%a9%20%231%3f.tif"],
        ),
        (
            "apache-fancy",
            ["%c3%a9%20%231%3f.tif", "100%25.tif", "2024/", "a.tif", "a:b.tif", "a%20b/", "b%20&%20c.tif", "empty/",
             _LONG],
        ),
        (
            "apache-table",
            ["%c3%a9%20%231%3f.tif", "100%25.tif", "2024/", "a.tif", "a:b.tif", "a%20b/", "b%20&%20c.tif", "empty/",
             _LONG],
        ),
        ("caddy", [*_FOLDERS, "100%25.tif", "a.tif", "a:b.tif", "b%20&%20c.tif", _LONG, "%C3%A9%20%231%3F.tif"]),
    ],
)  # fmt: skip
def test_real_servers(server: str, hrefs: list[str]) -> None:
    """What Apache 2.4, nginx 1.22 and Caddy 2.11 wrote of one directory: its names, and none of their other links."""
    found = links_of((_INDEXES / f"{server}.html").read_bytes(), address=_TOP)

    assert [each.address for each in found] == [f"{_TOP}{each}" for each in hrefs]
    assert {each.name for each in found} == {
        *("2024", "a b", "empty", "100%.tif", "a.tif", "a:b.tif", "b & c.tif", _LONG, "é #1?.tif")
    }
    assert [each.address.removeprefix(_TOP) for each in found if each.is_folder] == [
        each for each in hrefs if each in _FOLDERS
    ]


@pytest.mark.parametrize(
    "href",
    [
        *("", " ", ".", "./", "..", "../", "../../x", "/", "/pub", "/pub/", "/other/a.tif", "//evil.example.net/pub/a"),
        *("?C=N;O=D", "?sort=name&order=asc", "a.tif?version=1", "#top", "a.tif#top", "d/a.tif", "d/e/"),
        *("https://caddyserver.com", "http://data.example.org/pub/a.tif", "https://data.example.org:444/pub/a.tif"),
        *("https://u@data.example.org/pub/a.tif", "ftp://data.example.org/pub/a.tif", "javascript:alert(1)"),
        *("mailto:a@example.org", "%2e%2e/", "%2E%2E", "%2e/", "a%2Fb.tif", "..%2f/", "https://[", "x:y"),
    ],
)
def test_links_that_are_no_names(href: str) -> None:
    """What leads up, elsewhere, deeper or nowhere, or only sorts, is no name in the directory."""
    assert links_of(f'<a href="{href}">x</a>'.encode(), address=_TOP) == []


@pytest.mark.parametrize(
    "tag",
    [
        '<a href="a.tif">', "<A HREF='a.tif'>", "<a href=a.tif>", '<a class="x"\n\thref=" ./a.tif ">',
        '<a/href="a.tif">',
        '<a href="/pub/a.tif">', '<a href="https://data.example.org/pub/a.tif"/>', '<a href="x/../a.tif">',
        '<a href="a.tif"><img></a><a href="a.tif">', '<a name="x"><a href="a.tif">', '<a href><a href="a.tif">',
    ],
)  # fmt: skip
def test_forms_of_a_link(tag: str) -> None:
    """However a link is written, it is the same name, and it is one once."""
    assert links_of(tag.encode(), address=_TOP) == [Link(address=f"{_TOP}a.tif", name="a.tif", is_folder=False)]


def test_names_that_are_no_utf8() -> None:
    """Escapes that aren't UTF-8 stay: two names don't become one."""
    found = links_of(b'<a href="%e9.tif"><a href="%e8.tif">', address=_TOP)

    assert [each.name for each in found] == ["%e9.tif", "%e8.tif"]


@pytest.mark.parametrize(
    "text", ["<a", "<a ", "<!--", "<a href='", "<a b='", "<![", '<a href="x>', "&#", "<a href", "b='"]
)
def test_pages_that_take_long(text: str) -> None:
    """Reading takes time by a page's size alone, whatever it is made of: not minutes for a quarter of a megabyte."""
    began = time.process_time()

    links_of(f"<a {text * (256 * 1024 // len(text))}>".encode(), address=_TOP)

    assert time.process_time() - began < 2


@settings(deadline=None, max_examples=300)
@given(
    body=st.lists(
        st.sampled_from([b"<a ", b"href=", b'"', b"'", b">", b"/", b"<", b"..", b"%2e", b"a", b"&#0;", b"\xff", b"="])
        | st.binary(max_size=4)
    ).map(b"".join)
)
def test_any_page(body: bytes) -> None:
    """Whatever stands there, what is read of it lies right below the directory."""
    for link in links_of(body, address=_TOP):
        parts = urlsplit(link.address)
        path = parts.path.removeprefix("/pub/").removesuffix("/")

        assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("https", "data.example.org", "", "")
        assert parts.path.startswith("/pub/")
        assert path
        assert "/" not in path
        assert link.name not in {"", ".", ".."}


@pytest.mark.parametrize(("page_size", "counts"), [(1000, [5]), (2, [2, 2, 1]), (1, [1, 1, 1, 1, 1, 0])])
async def test_files(page_size: int, counts: list[int]) -> None:
    """Files come as they are listed, those of a directory in its place; each is an item of its own."""
    pages = await _pages(page_size=page_size)

    hrefs = [f"{_TOP}{each}" for each in _FILES]
    assert [each for page in pages for each in page.items] == [
        CatalogItem(item=href, id=href, assets=(CatalogAsset(key=href, href=href),)) for href in hrefs
    ]
    assert [len(page.items) for page in pages] == counts


@pytest.mark.parametrize(("page_size", "counts"), [(1, [1, 1, 1, 0]), (2, [1, 1, 1]), (3, [2, 1]), (1000, [3])])
async def test_folders(page_size: int, counts: list[int]) -> None:
    """The files of a directory together are an item, whole on one page; one without files is none."""
    pages = await _pages(item="folder", page_size=page_size)

    files = {
        "/": {"b.tif": "b.tif", "a.tif": "a.tif"},
        "/2024/": {"c d.tif": "2024/c%20d.tif", "notes.txt": "2024/notes.txt"},
        "/2024/06/": {"e.tif": "2024/06/e.tif"},
    }
    assert [each for page in pages for each in page.items] == [
        CatalogItem(
            item=name,
            id=name,
            assets=tuple(CatalogAsset(key=key, href=f"{_TOP}{path}") for key, path in each.items()),
        )
        for name, each in files.items()
    ]
    assert [len(page.items) for page in pages] == counts


@pytest.mark.parametrize(
    ("catalog", "files"),
    [
        ({"patterns": ["*.tif"]}, ["b.tif", "2024/06/e.tif", "2024/c%20d.tif", "a.tif"]),
        ({"patterns": ["2024/c d.*", "?.tif"]}, ["b.tif", "2024/c%20d.tif", "a.tif"]),
        ({"patterns": ["*.zip"]}, []),
        ({"exclude": ["*.txt", "b.*"]}, ["2024/06/e.tif", "2024/c%20d.tif", "a.tif"]),
        ({"exclude": ["2024/"]}, ["b.tif", "a.tif"]),
        ({"exclude": ["*/06/*"]}, ["b.tif", "2024/c%20d.tif", "2024/notes.txt", "a.tif"]),
    ],
)
async def test_patterns(catalog: dict[str, Any], files: list[str]) -> None:
    """Patterns are of the path below the top, as people write it."""
    assert await _names(**catalog) == files


async def test_directories_that_are_left_out() -> None:
    """A directory that is left out isn't asked for, so that it may be forbidden."""
    index, http = _index({**_PLACES, f"{_TOP}2024/": Answer(status=403)}, exclude=["2024/*"])

    page = await index.page(None, window=_OPEN)

    assert [each.item for each in page.items] == [f"{_TOP}b.tif", f"{_TOP}a.tif"]
    assert http.asked == [
        Asked(method="GET", url=each, headers={"accept": "text/html"}) for each in (_TOP, f"{_TOP}empty/")
    ]


async def test_escapes_of_the_top() -> None:
    """A path below the top is told however the top's own is escaped."""
    top = "https://data.example.org/a%20b/%C3%A9/"
    answer = _answer("c%20d.tif", url="https://data.example.org/a%20b/%c3%a9/")

    assert len(await _names({top: answer}, url=top, patterns=["c d.tif"])) == 1


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (Answer(status=404), AssetNotFoundError, r"pub/2024/: data\.example\.org answered 404"),
        (Answer(status=403), SourceRefusedError, "403"),
        (_answer(headers={}), MalformedCatalogError, "pub/2024/ is no directory's list in HTML, found ''"),
        (_answer(headers={"Content-Type": "application/json"}), MalformedCatalogError, "found 'application/json'"),
        (_answer("x" * 1000), MalformedCatalogError, "pub/2024/ has more than 500 bytes"),
        (
            _answer(url="https://new.example.org/pub/2024/"),
            MalformedCatalogError,
            "leads to https://new.example.org/pub",
        ),
        (_answer(url="https://data.example.org/login/"), MalformedCatalogError, "leads to .*login/; that has to be"),
    ],
)
async def test_bad_directories(
    answer: Answer, error: type[Exception], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory that can't be read ends the run: nobody knows what it has."""
    monkeypatch.setattr(http_index, "_MAX_BYTES", 500)

    with pytest.raises(error, match=said):
        await _pages({**_PLACES, f"{_TOP}2024/": answer})


async def test_top_elsewhere() -> None:
    """A top on a host that isn't allowed isn't asked."""
    with pytest.raises(UrlRefusedError):
        await _pages(url="https://evil.example.net/")


async def test_change_while_it_is_read() -> None:
    """A name that comes before a place begins the run again; one that comes behind it is found."""
    page = await _index(page_size=2)[0].page(None, window=_OPEN)
    before = {**_PLACES, f"{_TOP}2024/": _answer("05/", "06/", "c%20d.tif")}
    behind = {**_PLACES, f"{_TOP}2024/": _answer("06/", "d.tif")}

    with pytest.raises(SourceChangedError):
        await _index(before)[0].page(page.next_token, window=_OPEN)
    following = await _index(behind)[0].page(page.next_token, window=_OPEN)

    assert [each.item for each in following.items] == [f"{_TOP}2024/d.tif", f"{_TOP}a.tif"]


async def test_links_in_a_circle() -> None:
    """Links of a file system that lead in a circle end at the deepest level."""
    http = FakeEgress(lambda _: _answer("again/"))
    index = HttpIndex(HttpIndexCatalog(kind="http_index", url=_TOP), allow=_ALLOW, http=http)

    with pytest.raises(MalformedCatalogError, match="more than 16 levels"):
        await index.page(None, window=_OPEN)
    assert len(http.asked) == 16


async def test_no_times() -> None:
    """A list of names has no times, so only an open window can be asked for."""
    index, http = _index()

    with pytest.raises(WindowError, match="no times"):
        await index.page(None, window=Window.parse("2024-01-01/.."))
    assert http.asked == []


async def test_nothing_more_to_ask_for() -> None:
    """A list says no more of a file than its name, and has no collections."""
    index, http = _index()

    assert (await index.item(f"{_TOP}a.tif"), await index.collection("pub"), http.asked) == (None, None, [])
