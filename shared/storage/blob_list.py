"""What blobs stand in a container: listed, not looked at one by one."""

import dataclasses
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Protocol

from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobProperties
from azure.storage.blob.aio import BlobServiceClient

from shared.model.errors import StorageFailedError
from shared.storage.answers import status_of, translated

#: As many as an answer can have (https://learn.microsoft.com/rest/api/storageservices/list-blobs).
_PAGE_SIZE = 5000
_ABSENT = 404
#: What marks a folder of an account with hierarchical namespace.
_FOLDER = "hdi_isfolder"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListedBlob:
    """A committed blob, as a list shows it."""

    name: str
    #: As a HEAD shows it, in its quotes.
    etag: str
    #: Bytes.
    length: int
    md5: bytes | None
    #: None where it can't be read: the blob is encrypted with a key of somebody else's.
    metadata: Mapping[str, str] | None
    modified: datetime


class ListedBlobs(Protocol):
    """The blobs of the data account, in lists."""

    def below(self, container: str, prefix: str) -> AsyncIterator[ListedBlob]:
        """Each committed blob whose name begins with a prefix, once, in no order that can be relied on.

        Snapshots, versions, folders and what is only staged aren't among them. What is written or goes away meanwhile
        may be listed or not. A page of the list is in memory at a time. Raises StorageFailedError, also where the
        container isn't there.
        """
        ...


class AzureListedBlobs:
    """Lists of Azure Storage."""

    def __init__(self, service: BlobServiceClient, *, page_size: int = _PAGE_SIZE) -> None:
        self._service = service
        self._page_size = page_size

    async def below(self, container: str, prefix: str) -> AsyncIterator[ListedBlob]:
        """List Blobs, page by page."""
        listed = self._service.get_container_client(container).list_blobs(
            name_starts_with=prefix or None, include=["metadata"], results_per_page=self._page_size
        )
        with translated(f"container {container}: list"):
            try:
                async for each in listed:
                    blob = _listed(each)
                    if (blob.metadata or {}).get(_FOLDER) != "true":
                        yield blob
            except HttpResponseError as error:
                if status_of(error) == _ABSENT:
                    raise StorageFailedError(
                        f"there is no container {container!r}; deploy it, or set STORAGE_CREATE_MISSING"
                    ) from error
                raise


def _listed(properties: BlobProperties) -> ListedBlob:
    md5 = properties.content_settings.content_md5
    return ListedBlob(
        name=str(properties.name),
        # A list has it bare, every other answer in quotes.
        etag=f'"{str(properties.etag).strip('"')}"',
        length=properties.size,
        md5=bytes(md5) if md5 is not None else None,
        metadata=None if properties.encrypted_metadata else dict(properties.metadata or {}),
        modified=properties.last_modified,
    )
