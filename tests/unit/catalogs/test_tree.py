import hashlib
import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.catalogs.tree import Entries, Leaf, Node, Tree
from shared.model.errors import (
    AssetNotFoundError,
    EndlessCatalogError,
    MalformedCatalogError,
    MalformedRequestError,
    SourceChangedError,
)

_ROOT = "https://data.example.org/"


class _Documents:
    """A tree in a dictionary: what ends in a slash is a node."""

    def __init__(self, named: dict[str, list[str]]) -> None:
        self.named = named
        self.read: list[str] = []

    async def entries(self, address: str) -> Entries[str]:
        self.read.append(address)
        if address not in self.named:
            raise AssetNotFoundError(address)
        return [
            Node(address=each) if each.endswith("/") else Leaf(address=each, content=each)
            for each in self.named[address]
        ]


def _tree(named: dict[str, list[str]], *, page_size: int = 2) -> tuple[Tree[str], _Documents]:
    documents = _Documents(named)
    return Tree(_ROOT, page_size=page_size, read=documents.entries), documents


async def _pages(named: dict[str, list[str]], *, page_size: int) -> list[list[str]]:
    """All pages, each from its token alone."""
    pages: list[list[str]] = []
    token = None
    while not pages or token is not None:
        leaves, token = await _tree(named, page_size=page_size)[0].page(token)
        pages.append([each.content for each in leaves])
    return pages


_NAMED = {_ROOT: ["a/", "1", "b/", "2"], "a/": ["a1", "aa/", "a2"], "aa/": ["aa1"], "b/": []}


@pytest.mark.parametrize(
    ("page_size", "pages"),
    [
        (1, [["a1"], ["aa1"], ["a2"], ["1"], ["2"]]),
        (2, [["a1", "aa1"], ["a2", "1"], ["2"]]),
        (5, [["a1", "aa1", "a2", "1", "2"]]),
        (9, [["a1", "aa1", "a2", "1", "2"]]),
    ],
)
async def test_order(page_size: int, pages: list[list[str]]) -> None:
    """Leaves come as they are named, those below a node in its place, and each page from its token alone."""
    assert await _pages(_NAMED, page_size=page_size) == pages


@pytest.mark.parametrize("named", [{_ROOT: []}, {_ROOT: ["a/"], "a/": ["b/"], "b/": []}])
async def test_no_leaves(named: dict[str, list[str]]) -> None:
    """A tree without leaves is one empty page."""
    assert await _pages(named, page_size=1) == [[]]


@st.composite
def _trees(draw: st.DrawFn) -> dict[str, list[str]]:
    """Trees of up to five levels: each node's name begins with that of the node above it."""
    named: dict[str, list[str]] = {}
    level = [_ROOT]
    for _ in range(5):
        below: list[str] = []
        for node in level:
            kinds = draw(st.lists(st.booleans(), max_size=4))
            named[node] = [f"{node}{number}{'/' * is_node}" for number, is_node in enumerate(kinds)]
            below += [each for each in named[node] if each.endswith("/")]
        level = below
    return named | {key: list[str]() for key in level}


@settings(deadline=None, max_examples=100)
@given(named=_trees(), page_size=st.integers(1, 5))
async def test_any_tree(named: dict[str, list[str]], page_size: int) -> None:
    """However a tree is cut into pages, each leaf comes once, in order, and no page has too many."""
    pages = await _pages(named, page_size=page_size)

    assert [each for page in pages for each in page] == list(_walked(named, _ROOT))
    assert all(len(page) <= page_size for page in pages)


def _walked(named: dict[str, list[str]], address: str) -> Sequence[str]:
    return [leaf for each in named[address] for leaf in (_walked(named, each) if each.endswith("/") else [each])]


async def test_same_page_again() -> None:
    """A page that is asked for again is the same, with the same next token."""
    tree, _ = _tree(_NAMED)
    _, token = await tree.page(None)

    assert await tree.page(token) == await tree.page(token)


async def test_nodes_above_are_read_when_they_go_on() -> None:
    """A page begins with the innermost node; one above it is read once that has ended, and once a page."""
    tree, documents = _tree({_ROOT: ["a/", "1", "2"], "a/": ["b/"], "b/": ["b1", "b2", "b3"]})
    _, token = await tree.page(None)
    documents.read.clear()

    await tree.page(token)

    assert documents.read == ["b/", "a/", _ROOT]


@pytest.mark.parametrize(
    ("address", "names"),
    [
        ("a/", ["a0", "a1", "aa/", "a2"]),
        ("a/", ["a2", "aa/", "a1"]),
        ("a/", ["a1", "aa", "a2"]),
        ("a/", ["a1"]),
        (_ROOT, ["b/", "a/", "1", "2"]),
    ],
)
async def test_change_before_a_place(address: str, names: list[str]) -> None:
    """What is put before a place, taken away there or moved shows: going on would leave something out."""
    _, token = await _tree(_NAMED)[0].page(None)

    with pytest.raises(SourceChangedError, match="has changed since"):
        await _tree({**_NAMED, address: names}, page_size=9)[0].page(token)


async def test_change_behind_a_place() -> None:
    """What is added behind a place is found, and what is gone there isn't missed."""
    _, token = await _tree(_NAMED)[0].page(None)

    leaves, following = await _tree({**_NAMED, _ROOT: ["a/", "3"], "a/": ["a1", "aa/", "a3"]}, page_size=9)[0].page(
        token
    )

    assert ([each.content for each in leaves], following) == (["a3", "3"], None)


async def test_node_that_is_gone() -> None:
    """A node that went away while it was read begins the run again; one that never was there is missing."""
    _, token = await _tree(_NAMED)[0].page(None)

    with pytest.raises(SourceChangedError, match="is gone since"):
        await _tree({_ROOT: []})[0].page(token)
    with pytest.raises(AssetNotFoundError):
        await _tree({_ROOT: ["a/"]})[0].page(None)


@pytest.mark.parametrize("named", [{_ROOT: [_ROOT]}, {_ROOT: ["a/"], "a/": ["b/"], "b/": ["a/"]}])
async def test_cycle(named: dict[str, list[str]]) -> None:
    """A node that is named below itself is found out at once."""
    with pytest.raises(EndlessCatalogError, match="is named below itself"):
        await _tree(named)[0].page(None)


async def test_signed_root() -> None:
    """The root is known without its signature, which no token has."""
    documents = _Documents({f"{_ROOT}?sig=secret&sv=1": ["1", "2", "a/"], "a/": [_ROOT]})
    tree = Tree(f"{_ROOT}?sig=secret&sv=1", page_size=1, read=documents.entries)
    _, token = await tree.page(None)
    _, following = await tree.page(token)

    with pytest.raises(EndlessCatalogError):
        await tree.page(following)
    assert "secret" not in f"{token}{following}"
    assert "example" not in f"{token}"


async def test_two_ways_to_a_node() -> None:
    """A node that two others name is no cycle: it is read twice."""
    named = {_ROOT: ["a/", "b/"], "a/": ["c/"], "b/": ["c/"], "c/": ["1"]}

    assert await _pages(named, page_size=9) == [["1", "1"]]


@pytest.mark.parametrize(("levels", "fits"), [(16, True), (17, False)])
async def test_depth(levels: int, *, fits: bool) -> None:
    """A tree has sixteen levels at most."""
    names = [_ROOT, *(f"{number}/" for number in range(1, levels))]
    named = {name: [below] for name, below in zip(names, [*names[1:], "leaf"], strict=True)}

    if fits:
        assert await _pages(named, page_size=9) == [["leaf"]]
        return
    with pytest.raises(MalformedCatalogError, match="more than 16 levels"):
        await _tree(named)[0].page(None)


@pytest.mark.parametrize(("count", "pages"), [(99, [["leaf"]]), (100, [[], ["leaf"]]), (250, [[], [], ["leaf"]])])
async def test_many_nodes(count: int, pages: list[list[str]]) -> None:
    """A page ends after a hundred nodes, whether leaves were found or not, and the next one goes on there."""
    nodes = [f"{number}/" for number in range(count)]
    named = {_ROOT: [*nodes, "leaf"], **{key: list[str]() for key in nodes}}

    assert await _pages(named, page_size=9) == pages


async def test_weights() -> None:
    """A leaf that fills more than a page stands on one all the same, whole, and ends it."""

    async def read(_: str) -> Entries[str]:
        return [Leaf(address=each, content=each, weight=3) for each in "abc"]

    leaves, token = await Tree(_ROOT, page_size=4, read=read).page(None)

    assert [each.content for each in leaves] == ["a", "b"]
    assert token is not None


async def test_way_that_is_too_long() -> None:
    """A way that fits into no message is an error: a page that can't be asked for would be left out."""
    names = [_ROOT, *(f"{number}{'x' * 3000}/" for number in range(15))]
    named = {name: [below, "leaf"] for name, below in zip(names, [*names[1:], "last"], strict=True)}

    with pytest.raises(MalformedCatalogError, match="doesn't fit into a message"):
        await _tree(named, page_size=1)[0].page(None)


@pytest.mark.parametrize(
    "token",
    ["", "{", "[]", "{}", '{"way":[]}', '{"way":[{"done":-1}]}', '{"way":[{"x":1}]}', json.dumps({"way": [{}] * 17})],
)
async def test_malformed_tokens(token: str) -> None:
    """A token that no page gave is refused."""
    with pytest.raises(MalformedRequestError, match="none of a tree"):
        await _tree(_NAMED)[0].page(token)


async def test_token() -> None:
    """A token is the way: addresses, how much is done, and a digest of that; messages on queues have it."""
    done = {each: hashlib.sha256(each.encode()).hexdigest()[:16] for each in ("node a/\n", "leaf a1\nnode aa/\n")}

    _, token = await _tree({**_NAMED, "aa/": ["aa1", "aa2"]})[0].page(None)

    leaf = hashlib.sha256(b"leaf aa1\n").hexdigest()[:16]
    assert json.loads(token or "") == {
        "way": [
            {"done": 1, "digest": done["node a/\n"]},
            {"address": "a/", "done": 2, "digest": done["leaf a1\nnode aa/\n"]},
            {"address": "aa/", "done": 1, "digest": leaf},
        ]
    }
