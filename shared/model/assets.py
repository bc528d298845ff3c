"""An asset as a catalog describes it, and the keys under which the ledger knows it."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, model_validator

from shared.model.checksums import digest, parse_digest
from shared.model.errors import BadNameError
from shared.model.hrefs import unsigned
from shared.model.names import check_name
from shared.model.times import in_utc

#: An identity: long enough for an address, short enough for a table's property.
type Identity = Annotated[str, Field(min_length=1, max_length=2048)]

_BUCKETS = 32
#: More than any blob can have, and what a table's Int64 holds.
_MAX_SIZE = 2**63 - 1


def _canonical(checksum: str) -> str:
    return digest(*parse_digest(checksum))


class Asset(BaseModel, frozen=True, extra="forbid"):
    """One file to copy. Its identity is (dataset, item, key); the rest is what the catalog says of it now."""

    #: ``collection/id`` for STAC, a manifest's item column, else the unsigned href.
    item: Identity
    #: STAC's asset key, else the unsigned href.
    key: Identity
    #: Where the bytes come from; unsigned.
    href: Annotated[str, Field(min_length=1, max_length=8192), AfterValidator(unsigned)]
    #: The blob's name in the dataset's container.
    name: str
    #: Bytes, as the catalog states them.
    size: Annotated[int, Field(ge=0, le=_MAX_SIZE)] | None = None
    #: ``<algorithm>:<hex>``, as the catalog states it.
    checksum: Annotated[str, AfterValidator(_canonical)] | None = None
    #: When the catalog last changed its description.
    updated: Annotated[AwareDatetime, AfterValidator(in_utc)] | None = None
    media_type: Annotated[str, Field(max_length=256)] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        """Messages come from whoever can write to the queue, so what they say is looked at again."""
        try:
            check_name(self.name)
        except BadNameError as error:
            raise ValueError(str(error)) from error
        return self

    @property
    def identity(self) -> tuple[str, str]:
        """Item and key: the identity within the dataset."""
        return self.item, self.key

    @property
    def description(self) -> str:
        """A digest of what the catalog says: href, size, checksum and time of update (hex)."""
        updated = self.updated.astimezone(UTC).isoformat() if self.updated else None
        return hashlib.sha256(json.dumps([self.href, self.size, self.checksum, updated]).encode()).hexdigest()

    def described_at(self, asked_at: datetime) -> datetime:
        """How new the description is: the catalog's own time, else when the run or event began."""
        return self.updated or asked_at


def partition_key(dataset: str, item: str) -> str:
    """The ledger's partition of an item: the top five bits of the SHA-256 of its id. Fixed for ever."""
    return f"{dataset}-{bucket(item):02}"


def partition_keys(dataset: str) -> list[str]:
    """All partitions of a dataset, in their order."""
    return [f"{dataset}-{number:02}" for number in range(_BUCKETS)]


def row_key(item: str, key: str) -> str:
    """The ledger's row of an asset. Fixed for ever."""
    return f"{row_key_prefix(item)}{_sha256(key).hex()}"


def row_key_prefix(item: str) -> str:
    """What all rows of an item begin with."""
    return f"{_sha256(item).hex()}-"


def bucket(item: str) -> int:
    """The number of an item's partition, 0 to 31."""
    return _sha256(item)[0] * _BUCKETS // 256


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
