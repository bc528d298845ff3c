"""A tree of documents that name others, walked depth first in the order in which they are named, page by page.

A token is the way to where a page begins: of each node that is open there its address, how many of its entries are
done, and a digest of these. So a page can be asked for again from its message alone, however large the tree is; and
where something was put before a place, or taken away there, that shows instead of leaving a gap. What is added behind
is found.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from shared.catalogs.tokens import Token
from shared.model.errors import (
    AssetNotFoundError,
    EndlessCatalogError,
    MalformedCatalogError,
    SourceChangedError,
)
from shared.model.hrefs import unsigned
from shared.model.messages import MAX_REQUEST_BYTES
from shared.redaction import redacted

_MAX_DEPTH = 16
#: Nodes that are read for one page: of a tree with few leaves many pages are empty, and each is done in time.
_MOST_NODES = 100
#: Hex digits: the prefixes of a node are few, and nobody gains by making two alike.
_DIGEST_LENGTH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Another document of the tree that names others."""

    #: Unsigned, for it rests in tokens.
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf[T]:
    """What is looked for."""

    #: Tells it apart from the others of its node.
    address: str
    content: T
    #: How much of a page it takes.
    weight: int = 1


type Entries[T] = Sequence[Node | Leaf[T]]


class Tree[T]:
    """Reads the leaves of a tree, page by page."""

    def __init__(self, root: str, *, page_size: int, read: Callable[[str], Awaitable[Entries[T]]]) -> None:
        """``read`` says what the node at an address names, in order; it raises what is wrong with that node."""
        self._root = root
        self._page_size = page_size
        self._read = read

    async def page(self, token: str | None) -> tuple[list[Leaf[T]], str | None]:
        """The leaves of the page that a token names, and the token of the next one; None at the end.

        Raises SourceChangedError where the way to the page isn't the one that it was, EndlessCatalogError for a node
        that names itself or one above it, MalformedCatalogError for a tree that is too deep.
        """
        way = [_Open[T](address=self._root)] if token is None else self._resumed(token)
        leaves: list[Leaf[T]] = []
        room, nodes = self._page_size, _MOST_NODES
        while way and room > 0 and (nodes > 0 or way[-1].entries is not None):
            node = way[-1]
            if node.entries is None:
                node.opened(await self._entries(node))
                nodes -= 1
            match node.take():
                case None:
                    way.pop()
                case Node(address=address):
                    way.append(_entered(way, address))
                case leaf:
                    leaves.append(leaf)
                    room -= leaf.weight
        while way and way[-1].is_over:
            way.pop()
        return leaves, _token(way) if way else None

    def _resumed(self, token: str) -> "list[_Open[T]]":
        steps = _Token.decode(token).way
        addresses = [self._root, *(each.address for each in steps[1:])]
        return [
            _Open(address=address, done=each.done, digest=each.digest, is_resumed=True)
            for address, each in zip(addresses, steps, strict=True)
        ]

    async def _entries(self, node: "_Open[T]") -> Entries[T]:
        try:
            return await self._read(node.address)
        except AssetNotFoundError as error:
            if node.is_resumed:
                raise SourceChangedError(f"{_place(node.address)} is gone since this run began to read it") from error
            raise


class _Open[T]:
    """A node on the way to a place in the tree."""

    def __init__(self, *, address: str, done: int = 0, digest: str = "", is_resumed: bool = False) -> None:
        self.address = address
        self.is_resumed = is_resumed
        #: None: not read yet for this page.
        self.entries: Entries[T] | None = None
        self._done = done
        self._digest = digest

    @property
    def is_over(self) -> bool:
        """Tell whether it is known that nothing is left of it."""
        return self.entries is not None and self._done == len(self.entries)

    @property
    def step(self) -> "_Step":
        """How far it is done, for a token; the root's address stands in the dataset."""
        digest = self._digest if self.entries is None else _digest(self.entries[: self._done])
        return _Step(address=self.address, done=self._done, digest=digest)

    def opened(self, entries: Entries[T]) -> None:
        """Note what it names; raises SourceChangedError where what was done is something else now."""
        if self._done and _digest(entries[: self._done]) != self._digest:
            raise SourceChangedError(f"{_place(self.address)} has changed since this run began to read it")
        self.entries = entries

    def take(self) -> Node | Leaf[T] | None:
        """The next of its entries, which is done with that; None at the end."""
        if self.entries is None or self.is_over:
            return None
        self._done += 1
        return self.entries[self._done - 1]


class _Step(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str = ""
    done: Annotated[int, Field(ge=0)] = 0
    digest: str = ""


class _Token(Token):
    of_what: ClassVar[str] = "a tree"

    way: Annotated[tuple[_Step, ...], Field(min_length=1, max_length=_MAX_DEPTH)]


def _entered[T](way: Sequence[_Open[T]], address: str) -> _Open[T]:
    place = _place(address)
    if address in {unsigned(each.address) for each in way}:
        raise EndlessCatalogError(f"{place} is named below itself")
    if len(way) == _MAX_DEPTH:
        raise MalformedCatalogError(f"{place} lies more than {_MAX_DEPTH} levels deep")
    return _Open(address=address)


def _token[T](way: Sequence[_Open[T]]) -> str:
    root, *others = (each.step for each in way)
    # The dataset says where the root is; its address may be signed, and no secret rests.
    token = _Token(way=(root.model_copy(update={"address": ""}), *others)).encode()
    if len(json.dumps(token)) > MAX_REQUEST_BYTES:
        raise MalformedCatalogError(f"the way to {_place(way[-1].address)} doesn't fit into a message")
    return token


def _digest[T](entries: Entries[T]) -> str:
    """Tells apart what was done of a node."""
    whole = hashlib.sha256()
    for each in entries:
        kind = "node" if isinstance(each, Node) else "leaf"
        whole.update(f"{kind} {each.address}\n".encode())
    return whole.hexdigest()[:_DIGEST_LENGTH]


def _place(address: str) -> str:
    return redacted(unsigned(address))
