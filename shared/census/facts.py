"""What the catalog, the ledger and the destination say of a place, as short as it can be compared."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.model.assets import Asset, row_key
from shared.model.checksums import Algorithm, digest
from shared.model.labels import digests, label, owner
from shared.model.rows import LedgerRow
from shared.storage.blob_list import ListedBlob
from shared.storage.blobs import Blob


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def encode(self) -> str:
        """As it is kept."""
        return self.model_dump_json(exclude_defaults=True)


class Described(_Facts):
    """An asset, as the catalog describes it."""

    item: str
    key: str
    description: str
    updated: AwareDatetime | None = None

    @classmethod
    def of(cls, asset: Asset) -> Self:
        """Those of an asset that is selected."""
        return cls(item=asset.item, key=asset.key, description=asset.description, updated=asset.updated)

    @property
    def identity(self) -> tuple[str, str]:
        """Item and key."""
        return self.item, self.key


class Recorded(_Facts):
    """A row of the ledger."""

    item: str
    key: str
    etag: str
    length: int
    digests: tuple[str, ...]
    description: str
    described_at: AwareDatetime
    instead_of: str | None = None
    completed_at: AwareDatetime

    @classmethod
    def of(cls, row: LedgerRow) -> Self:
        """Those of a row."""
        return cls(**row.model_dump(include=set(cls.model_fields)))

    @property
    def identity(self) -> tuple[str, str]:
        """Item and key."""
        return self.item, self.key

    def stands_for(self, asset: Described, *, asked_at: datetime) -> bool:
        """Tell whether nothing newer is described: else a run asks for it again."""
        if asset.description in {self.description, self.instead_of}:
            return True
        return (asset.updated or asked_at) < self.described_at


class Standing(_Facts):
    """A blob."""

    etag: str
    length: int
    #: Those that its metadata state, and the service's MD5.
    digests: tuple[str, ...] = ()
    modified: AwareDatetime
    #: Whose it is: dataset and row key. None: nothing says so.
    owner: tuple[str, str] | None = None
    item: str = ""
    key: str = ""
    #: An item or a collection that was published, and no asset.
    is_published: bool = False
    #: Its metadata can't be read.
    is_closed: bool = False

    @classmethod
    def of(cls, blob: ListedBlob | Blob) -> Self:
        """Those of a blob as it is listed or looked at."""
        metadata = blob.metadata or {}
        md5 = [digest(Algorithm.MD5, blob.md5)] if blob.md5 is not None else []
        return cls(
            etag=blob.etag,
            length=blob.length,
            digests=tuple(dict.fromkeys([*digests(metadata), *md5])),
            modified=blob.modified,
            owner=owner(metadata),
            item=label(metadata, "item") or "",
            key=label(metadata, "key") or "",
            is_published=label(metadata, "content") is not None,
            is_closed=blob.metadata is None,
        )


class Place(BaseModel):
    """All that was seen of one name at the destination."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    blob: str
    #: Those that the catalog would put there: one, if all is well.
    assets: Sequence[Described] = ()
    rows: Sequence[Recorded] = ()
    standing: Standing | None = None


def asset_of(fact: Described | Recorded) -> str:
    """The row key of the asset that a fact is of."""
    return row_key(fact.item, fact.key)
