"""Documents of items: what discovery keeps of an item until it is published, unsigned."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue, TypeAdapter, ValidationError

from shared.model.assets import Asset
from shared.model.datasets import Dataset
from shared.model.hrefs import unsigned
from shared.model.items import CatalogItem
from shared.model.names import blob_name
from shared.model.publishing import Publish
from shared.model.times import WrittenTime

_TIME: TypeAdapter[AwareDatetime] = TypeAdapter(WrittenTime)


class ItemDocument(BaseModel):
    """An item as it was selected. Immutable: its version is a digest of all of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    item: str
    #: The STAC item as its catalog gave it; None for an item of a catalog that has no documents.
    document: dict[str, JsonValue] | None
    #: What relative links of the document are seen from.
    address: str
    assets: tuple[Asset, ...]
    #: Keys of assets that are selected and can't be asked for; each stands in the failures table.
    refused: tuple[str, ...] = ()
    #: How it was to be published: with another address, it has to be published again.
    publish: Publish

    @classmethod
    def of(cls, item: CatalogItem, *, assets: tuple[Asset, ...], refused: tuple[str, ...], publish: Publish) -> Self:
        """The document of an item with these assets selected."""
        document = None if item.document is None else unsigned_document(item.document)
        address = _unsigned("href", item.address)
        # Built of parts that are right already: validating would copy the whole document.
        return cls.model_construct(
            item=item.item, document=document, address=address, assets=assets, refused=refused, publish=publish
        )

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read what ``encode`` wrote; raises ValueError."""
        return cls.model_validate(json.loads(body))

    def encode(self) -> bytes:
        """JSON, always the same for the same document; half surrogate pairs of the catalog's are kept as escapes."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":")).encode()

    @property
    def updated(self) -> AwareDatetime | None:
        """When the catalog last changed the item, where it says so."""
        properties = (self.document or {}).get("properties")
        stated = properties.get("updated") if isinstance(properties, dict) else None
        try:
            return None if stated is None else _TIME.validate_python(stated)
        except ValidationError:
            return None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """Which document of an item is published, and how new that is."""

    version: str
    updated: AwareDatetime | None
    #: When the run or event began that asked for its assets.
    asked_at: AwareDatetime

    def is_newer_than(self, other: "Edition") -> bool:
        """By the catalog's own time, where it states two that differ; else by who asked later."""
        if self.updated and other.updated and self.updated != other.updated:
            return self.updated > other.updated
        return self.asked_at > other.asked_at

    def after(self, there: "Edition | None") -> Self:
        """What it is where that stands there: the same document stays as new as whoever asked for it last made it."""
        if there is None or there.version != self.version or there.asked_at < self.asked_at:
            return self
        return dataclasses.replace(self, asked_at=there.asked_at)


def version_of(encoded: bytes) -> str:
    """The version of an encoded document: its SHA-256 in hex."""
    return hashlib.sha256(encoded).hexdigest()


def item_name(item: str, *, dataset_name: str, dataset: Dataset) -> str:
    """The name of a published item; raises BadNameError.

    A STAC item is called ``collection/id``, and a collection's id has no slash; a manifest's items are called as it
    likes.
    """
    collection, found, name = item.partition("/") if dataset.catalog.has_collections else ("", "", item)
    values = {
        "dataset": dataset_name,
        "item": item,
        "collection": collection if found else None,
        "id": name if found else item,
    }
    return blob_name(dataset.item_template, values)


def collection_name(collection: str, *, dataset_name: str, publish: Publish) -> str:
    """The name of a published collection; raises BadNameError."""
    return blob_name(publish.collection_name, {"dataset": dataset_name, "collection": collection})


def unsigned_document(document: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """A document whose addresses are unsigned, wherever they stand, without links' headers, which may log in."""
    left_out = {"headers"} if "href" in document else set[str]()
    return {name: _unsigned_value(name, value) for name, value in document.items() if name not in left_out}


def _unsigned_value(name: str, value: JsonValue) -> JsonValue:
    match value:
        case dict():
            return unsigned_document(value)
        case list():
            return [_unsigned_value(name, each) for each in value]
        case str():
            return _unsigned(name, value)
        case _:
            return value


def _unsigned(name: str, text: str) -> str:
    """An address without what signs it. Elsewhere than in an href a fragment has a meaning, so it stays."""
    address, mark, fragment = text.partition("#")
    if "://" not in text[:64] and name != "href":
        return text
    try:
        return unsigned(text) if name == "href" else unsigned(address) + mark + fragment
    except ValueError:
        # No address; what stands behind its query may be a secret all the same.
        return text.partition("?")[0]
