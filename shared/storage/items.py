"""Items: the documents that discovery keeps of them, and what is published. All of it is blobs; no state beside them.

A published blob's metadata says which version of its item it is, how new that is, and whose the blob is: an asset that
would have this name is told so, as it is by another asset's blob.
"""

import asyncio
import dataclasses
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.model.assets import row_key
from shared.model.documents import Edition, ItemDocument, version_of
from shared.model.errors import BadNameError, BlobConflictError, MalformedRequestError, NameTakenError
from shared.model.names import check_name, encoded
from shared.model.times import in_utc
from shared.storage.blobs import Blob, BlobPath, Blobs, Content

CONTAINER = "items"

_JSON = "application/json"
_PREFIX = "sluice_"
#: Asset keys have a character at least, so no asset has this one.
_NO_KEY = ""
#: The same of items: what stands under it is a collection.
_NO_ITEM = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What stands at an item's place."""

    edition: Edition
    #: A digest of its bytes.
    content: str
    etag: str


class Items:
    """Documents of items and published items. All methods raise StorageFailedError."""

    def __init__(self, blobs: Blobs, *, container: str = CONTAINER) -> None:
        self._blobs = blobs
        self._container = container

    async def keep(self, dataset: str, document: ItemDocument) -> str:
        """Keep a document, unless it is kept already; returns its version."""
        body = await asyncio.to_thread(document.encode)
        version = await asyncio.to_thread(version_of, body)
        content = Content(md5=None, media_type=_JSON, metadata={})
        try:
            await self._blobs.put(self._kept(dataset, document.item, version), (body,), content=content)
        except BlobConflictError:
            # Of the same name: of the same bytes.
            return version
        return version

    async def read(self, dataset: str, item: str, *, version: str) -> ItemDocument:
        """A document that was kept; raises MalformedRequestError where there is none of this version."""
        body = await self._blobs.read(self._kept(dataset, item, version))
        if body is None or version_of(body) != version:
            raise MalformedRequestError(f"no document of version {version} is kept; the next run keeps one again")
        return await asyncio.to_thread(ItemDocument.decode, body)

    async def published(self, path: BlobPath, *, dataset: str, item: str) -> Published | None:
        """What is published at a place; raises NameTakenError for what isn't this item, or doesn't say its edition."""
        blob = await self._blobs.look(path)
        if blob is None:
            return None
        if _owner(blob) != (dataset, row_key(item, _NO_KEY)):
            raise NameTakenError(
                f"the blob {path.name!r} is another item's, or none; change the dataset's publish.name"
            )
        return _published(blob, path)

    async def publish(
        self,
        path: BlobPath,
        document: Mapping[str, Any],
        *,
        dataset: str,
        item: str,
        edition: Edition,
        media_type: str,
        replaces: Published | None,
    ) -> bool:
        """Write an item over what was read, unless just these bytes stand there; tell whether it was written.

        Raises BlobConflictError where somebody else wrote first.
        """
        body = await asyncio.to_thread(encoded_json, document)
        digest = hashlib.sha256(body).hexdigest()
        if replaces and (replaces.content, replaces.edition.version) == (digest, edition.version):
            return False
        metadata = _labels(dataset=dataset, item=item, edition=edition, content=digest)
        content = Content(md5=None, media_type=media_type, metadata=metadata)
        await self._blobs.put(path, (body,), content=content, replaces=replaces.etag if replaces else None)
        return True

    async def publish_collection(
        self, path: BlobPath, document: Mapping[str, Any], *, dataset: str, collection: str, replaces_any: bool
    ) -> bool:
        """Write a collection, unless just that stands there; tell whether it was written.

        ``replaces_any``: also over another edition of it. Also false where somebody else writes at the same time: they
        have it from the same catalog. Raises NameTakenError.
        """
        body = encoded_json(document)
        digest, row = hashlib.sha256(body).hexdigest(), row_key(_NO_ITEM, collection)
        there = await self._blobs.look(path)
        if there is not None and _owner(there) != (dataset, row):
            raise NameTakenError(f"the blob {path.name!r} isn't this collection; change publish.collection_name")
        if there is not None and (not replaces_any or there.metadata.get(f"{_PREFIX}content") == digest):
            return False
        labels = {
            f"{_PREFIX}{name}": value for name, value in (("dataset", dataset), ("row", row), ("content", digest))
        }
        content = Content(md5=None, media_type=_JSON, metadata=labels)
        try:
            await self._blobs.put(path, (body,), content=content, replaces=there.etag if there else None)
        except BlobConflictError:
            return False
        return True

    def _kept(self, dataset: str, item: str, version: str) -> BlobPath:
        return BlobPath(container=self._container, name=_kept_name(dataset, item, version))


def encoded_json(document: Mapping[str, Any]) -> bytes:
    """JSON for everybody: text beyond ASCII as escapes, since a catalog's may have half a surrogate pair."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()


def _kept_name(dataset: str, item: str, version: str) -> str:
    """The item's name as one component; one that is too long, or ``.``, has a digest in its place, and a folder."""
    try:
        return check_name(f"{dataset}/{encoded(item)}/{version}.json")
    except BadNameError:
        return f"{dataset}/sha256/{hashlib.sha256(item.encode()).hexdigest()}/{version}.json"


def _owner(blob: Blob) -> tuple[str | None, str | None]:
    return blob.metadata.get(f"{_PREFIX}dataset"), blob.metadata.get(f"{_PREFIX}row")


def _labels(*, dataset: str, item: str, edition: Edition, content: str) -> dict[str, str]:
    values = {
        "dataset": dataset,
        "row": row_key(item, _NO_KEY),
        "version": edition.version,
        "content": content,
        "asked_at": edition.asked_at.isoformat(),
        "updated": edition.updated.isoformat() if edition.updated else "",
    }
    return {_PREFIX + name: value for name, value in values.items() if value}


def _published(blob: Blob, path: BlobPath) -> Published:
    said = {name: blob.metadata.get(_PREFIX + name, "") for name in ("version", "content", "asked_at", "updated")}
    try:
        edition = Edition(
            version=said["version"],
            asked_at=in_utc(datetime.fromisoformat(said["asked_at"])),
            updated=in_utc(datetime.fromisoformat(said["updated"])) if said["updated"] else None,
        )
    except ValueError as error:
        # Whether it is older than what is to be published, nobody knows: it isn't written over.
        raise NameTakenError(
            f"the metadata of {path.name!r} doesn't say any more which edition it is: delete this blob, and redrive"
        ) from error
    return Published(edition=edition, content=said["content"], etag=blob.etag)
