"""What a catalog, a collection or an item collection of a static STAC names.

https://github.com/radiantearth/stac-spec/blob/master/best-practices.md#static-catalogs::

    {"type": "Catalog", "id": "root", "links": [
        {"rel": "child", "href": "./s2/collection.json"}, {"rel": "item", "href": "./T32/T32.json"}]}
    {"type": "FeatureCollection", "features": [{"type": "Feature", "id": "T32", …}]}
"""

import dataclasses

from pydantic import JsonValue

from shared.catalogs.json_text import parse_json, shown
from shared.catalogs.tree import Entries, Leaf, Node
from shared.model.errors import MalformedCatalogError
from shared.model.hrefs import joined, unsigned
from shared.redaction import redacted

# No sets: anything can stand there, and a list has no hash.
_NODES = ("child", "items")
_LISTS = (None, "Catalog", "Collection")
_MOST_ENTRIES = 200_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An item, as a document of the tree names it."""

    #: What it is called where it can't be read.
    name: str
    #: Where it stands; None: nowhere, or in the document itself.
    href: str | None = None
    #: What stands in the document itself: the item, or what should have been a link to it.
    document: JsonValue = None
    #: Where that document is.
    address: str = ""


def read_node(body: bytes, *, address: str) -> Entries[Listed]:
    """Read the document at an address; raises MalformedCatalogError for what is no catalog and no collection.

    A link to an item that can't be followed is an item that can't be read; one to another catalog is an error, for
    nobody knows what that would list.
    """
    place = redacted(unsigned(address))
    document = parsed(body, place=place)
    if isinstance(document, dict):
        features, links = document.get("features"), document.get("links")
        if document.get("type") == "FeatureCollection" and isinstance(features, list):
            _check_whole(links, place=place)
            _check_count(features, place=place)
            return [_feature(each, number, address=address) for number, each in enumerate(features, start=1)]
        if document.get("type") in _LISTS and isinstance(links, list):
            _check_count(links, place=place)
            named = [_linked(each, number, address=address) for number, each in enumerate(links, start=1)]
            return [each for each in named if each is not None]
    raise MalformedCatalogError(f"{place} is no catalog and no collection of STAC, found {shown(document)}")


def parsed(body: bytes, *, place: str) -> JsonValue:
    """Parse a document; raises MalformedCatalogError."""
    try:
        return parse_json(body)
    except ValueError as error:
        raise MalformedCatalogError(f"{place} is no JSON: {error}, found {shown(body[:80])}") from error


def _check_whole(links: JsonValue, *, place: str) -> None:
    if isinstance(links, list) and any(isinstance(each, dict) and each.get("rel") == "next" for each in links):
        raise MalformedCatalogError(f"{place} is a page of an API, which is another kind of catalog: stac")


def _check_count(entries: list[JsonValue], *, place: str) -> None:
    """Of entries that are none there could be millions, each with a refusal of its own."""
    if len(entries) > _MOST_ENTRIES:
        raise MalformedCatalogError(f"{place} lists {len(entries)} entries, and {_MOST_ENTRIES} it may: split it")


def _feature(feature: JsonValue, number: int, *, address: str) -> Leaf[Listed]:
    name = f"feature {number} of {redacted(unsigned(address))}"
    called = feature.get("id") if isinstance(feature, dict) else None
    listed = Listed(name=name, document=feature, address=address)
    # Numbers alone would tell no difference where one feature took the place of another.
    return Leaf(address=f"#{called}".encode("utf-8", "backslashreplace").decode(), content=listed)


def _linked(link: JsonValue, number: int, *, address: str) -> Node | Leaf[Listed] | None:
    """What a link leads to; None where it isn't one that leads down the tree."""
    relation = link.get("rel") if isinstance(link, dict) else None
    if not isinstance(link, dict) or relation not in (*_NODES, "item"):
        return None
    name = f"link {number} of {redacted(unsigned(address))}"
    href = _followed(link.get("href"), address=address)
    if relation in _NODES:
        if href is None:
            raise MalformedCatalogError(f"{name} ({relation}) leads nowhere, found {shown(link)}")
        return Node(address=href)
    if href is None:
        return Leaf(address=f"#{number}", content=Listed(name=name, document=link, address=address))
    return Leaf(address=href, content=Listed(name=redacted(href), href=href))


def _followed(href: JsonValue, *, address: str) -> str | None:
    """Where an href leads from an address, unsigned; None where that is no address, or text that can't be stored."""
    if not isinstance(href, str) or not href:
        return None
    try:
        followed = unsigned(joined(address, href))
        followed.encode()
    except ValueError:
        return None
    return followed
