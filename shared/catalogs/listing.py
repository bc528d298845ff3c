"""A bucket or a container, or what begins with a prefix there, listed page by page.

A token says which list it continues and where, so a page can be asked for again from its message alone. Where patterns
say what keys begin with, only what begins so is listed, one prefix after the other. A list has one time of each asset,
that of its last modification: the windows of runs are of that.
"""

import asyncio
import hashlib
from http import HTTPStatus
from typing import Annotated, ClassVar, override

from pydantic import Field

from shared.catalogs.kind import SignList, Ways
from shared.catalogs.listing_answers import Answer, Entry, store_of
from shared.catalogs.listing_settings import ListingSettings
from shared.catalogs.reader import CatalogReader
from shared.catalogs.tokens import Token
from shared.egress import Http, Reply, check_status
from shared.model.datasets import Dataset
from shared.model.errors import (
    AssetNotFoundError,
    AssetTooLargeError,
    EndlessCatalogError,
    MalformedCatalogError,
    MalformedRequestError,
    TokenRefusedError,
    UnexpectedStatusError,
    UrlRefusedError,
    WindowError,
)
from shared.model.hrefs import store_address
from shared.model.items import CatalogAsset, CatalogCollection, CatalogItem, Page, Refusal
from shared.model.windows import TimeProperty, Window

#: A thousand names of a kibibyte each, every byte escaped, and what stands beside them.
_MAX_PAGE_BYTES = 16 * 1024 * 1024
#: Answers of which nothing is wanted that are passed over for one page: a run of what is new passes by all that is old.
_MOST_ANSWERS = 50
#: Which of an item's times a list has.
_MODIFIED = frozenset({TimeProperty.DATETIME, TimeProperty.UPDATED})


class ListingCatalog(ListingSettings, frozen=True):
    """A list of what is in a bucket or a container, or of what begins with a prefix there."""

    @override
    def reader(self, dataset: Dataset, ways: Ways) -> CatalogReader:
        return Listing(self, dataset=dataset, http=ways.http, sign=ways.sign)


class Listing:
    """A CatalogReader of an object store; what can't be copied by its name is refused and stops nothing else."""

    def __init__(self, catalog: ListingCatalog, *, dataset: Dataset, http: Http, sign: SignList) -> None:
        """``dataset``: the one of this catalog; a list is asked by the rights that its source has."""
        self._catalog = catalog
        self._dataset = dataset
        self._http = http
        self._sign = sign
        self._place = catalog.place
        self._store = store_of(self._place)

    async def page(self, token: str | None, *, window: Window, by: TimeProperty = TimeProperty.DATETIME) -> Page:
        """See ``CatalogReader``; one request, or several where nothing is wanted of the first ones."""
        if window.interval is not None and by not in _MODIFIED:
            raise WindowError(f"a listing has no {by.value} times, only those of modification", field="window")
        position = self._first if token is None else self._resumed(token)
        found = _Found()
        for _ in range(_MOST_ANSWERS):
            body = await self._ask(self._prefix(position), size=self._catalog.page_size, following=position.following)
            # A large page takes a while to parse, and copies share the event loop.
            found, after = await asyncio.to_thread(self._taken, body, position=position, window=window)
            if after is not None and after == position.following:
                raise EndlessCatalogError("the next page's token is the one that this page was asked for by")
            position = self._next(position, after)
            if found.items or found.refusals or position is None:
                break
        return found.page(next_token=None if position is None else position.encode())

    async def item(self, name: str) -> CatalogItem | None:
        """See ``CatalogReader``; one request. None for an item of several assets: a list can't be asked for those."""
        key = self._key_of(name)
        if key is None or self._catalog.name_of(key) != name:
            return None
        # A name comes before all others that begin with it.
        answer = self._read(await self._ask(key, size=1, following=None), place=name)
        found = _Found()
        for entry in answer.entries:
            if entry.key == key:
                self._take(entry, found, name=name, window=Window(), prefix=key)
        if found.refusals:
            raise MalformedCatalogError(f"{name}: {found.refusals[0].message}")
        return next(iter(found.page(next_token=None).items), None)

    async def collection(self, name: str) -> CatalogCollection | None:
        """None: a store has no collections."""
        del name

    async def _ask(self, prefix: str, *, size: int, following: str | None) -> bytes:
        query = self._store.query(prefix, size=size, following=following)
        signed = await self._sign(self._place, query=query, dataset=self._dataset)
        async with self._http.request("GET", signed.url, allow=self._dataset.allow, headers=signed.headers) as reply:
            if reply.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
                signed.forget()
            _check(reply, following=following)
            try:
                return await reply.read(_MAX_PAGE_BYTES)
            except AssetTooLargeError as error:
                raise MalformedCatalogError(
                    f"{self._catalog.url}: a page of more than {_MAX_PAGE_BYTES} bytes"
                ) from error

    def _read(self, body: bytes, *, place: str) -> Answer:
        try:
            return self._store.answer(body)
        except ValueError as error:
            raise MalformedCatalogError(f"{place} is no list: {error}") from error

    def _taken(self, body: bytes, *, position: "_Position", window: Window) -> tuple["_Found", str | None]:
        """What is wanted of a page, and what the next one of its prefix is asked for by."""
        page = "1" if position == self._first else hashlib.sha256(position.encode().encode()).hexdigest()[:8]
        place = f"{self._catalog.url} (page {page})"
        answer = self._read(body, place=place)
        found = _Found()
        for number, entry in enumerate(answer.entries, start=1):
            name = f"entry {number} of {place}"
            self._take(entry, found, name=name, window=window, prefix=self._prefix(position))
        return found, answer.following

    def _take(self, entry: Entry, found: "_Found", *, name: str, window: Window, prefix: str) -> None:
        """Take an entry in, if it is wanted; ``name`` is what one is called that has no name of its own."""
        key = entry.key
        if key is None:
            found.refuse(MalformedCatalogError(f"{entry.wrong}"), item=name, key=name)
            return
        if entry.is_folder or not self._catalog.wants(key):
            return
        href, item = self._catalog.href_of(key), self._catalog.name_of(key)
        if entry.wrong is not None:
            found.refuse(MalformedCatalogError(entry.wrong), item=item, key=href)
        elif not key.startswith(prefix):
            found.refuse(MalformedCatalogError("its name doesn't begin with the prefix"), item=item, key=href)
        elif window.holds(entry.updated):
            try:
                store_address(href)
            except UrlRefusedError as error:
                found.refuse(error, item=item, key=href)
            else:
                found.add(entry, item=item, href=href)

    def _key_of(self, name: str) -> str | None:
        """The key that an item's name is the address of, if this list may have it."""
        key = name.removeprefix(self._catalog.href_of(""))
        is_listed = key != name and key.startswith(self._place.key) and self._catalog.wants(key)
        return key if is_listed else None

    @property
    def _first(self) -> "_Position":
        return self._begin(self._catalog.prefixes[0])

    def _begin(self, prefix: str) -> "_Position":
        return _Position(url=self._catalog.url, prefix=None if prefix == self._place.key else prefix)

    def _next(self, position: "_Position", following: str | None) -> "_Position | None":
        """Where the page after one begins: in the list of its prefix, or of the next one; None at the end."""
        if following is not None:
            return position.model_copy(update={"following": following})
        done = self._prefix(position)
        # By their order, not by a number: patterns may have changed since the token was written.
        left = (each for each in self._catalog.prefixes if each > done and not each.startswith(done))
        prefix = next(left, None)
        return None if prefix is None else self._begin(prefix)

    def _prefix(self, position: "_Position") -> str:
        return self._place.key if position.prefix is None else position.prefix

    def _resumed(self, token: str) -> "_Position":
        position = _Position.decode(token)
        if position.url != self._catalog.url:
            raise TokenRefusedError(f"the token continues {position.url}, and the dataset lists {self._catalog.url}")
        if not self._prefix(position).startswith(self._place.key):
            raise MalformedRequestError("the token is none of a listing: it lists what the dataset doesn't")
        return position


class _Position(Token):
    """Where a page begins; as JSON it is a token."""

    of_what: ClassVar[str] = "a listing"

    url: str
    #: Which of its prefixes is listed; None: its own.
    prefix: str | None = None
    #: What the store continues its list by; None: it begins.
    following: Annotated[str, Field(min_length=1)] | None = None


class _Found:
    """What is wanted of a page."""

    def __init__(self) -> None:
        self.items: dict[str, CatalogItem] = {}
        self.refusals: list[Refusal] = []

    def refuse(self, error: Exception, *, item: str, key: str) -> None:
        """Refuse an entry."""
        self.refusals.append(Refusal.of(error, item=item, key=key))

    def add(self, entry: Entry, *, item: str, href: str) -> None:
        """Add an asset to its item; an item of its own has the time of its asset."""
        asset = CatalogAsset(key=href, href=href, size=entry.size, checksum=entry.checksum, updated=entry.updated)
        before = self.items[item].assets if item in self.items else ()
        moment = entry.updated if item == href else None
        self.items[item] = CatalogItem(item=item, id=item, datetime=moment, assets=(*before, asset))

    def page(self, *, next_token: str | None) -> Page:
        """All of it, as a page."""
        return Page(items=tuple(self.items.values()), refusals=tuple(self.refusals), next_token=next_token)


def _check(reply: Reply, *, following: str | None) -> None:
    """Raise what a status means; that a page's token isn't taken any more says nothing of the list's first page."""
    try:
        check_status(reply)
    except (AssetNotFoundError, UnexpectedStatusError) as error:
        if following is None or not 400 <= reply.status < 500:  # noqa: PLR2004 - the client's mistakes (RFC 9110, 15.5)
            raise
        raise TokenRefusedError(f"{error} to a token of its own") from error
