"""Lists of the blobs in a dictionary."""

from collections.abc import AsyncIterator, Collection

from shared.model.errors import StorageFailedError
from shared.storage.blob_list import ListedBlob
from tests.fakes.blobs import MemoryBlobs


class MemoryListedBlobs:
    """Lists what ``MemoryBlobs`` holds; ``missing`` are containers that aren't there."""

    def __init__(self, blobs: MemoryBlobs, *, missing: Collection[str] = ()) -> None:
        self._blobs = blobs
        self._missing = missing

    async def below(self, container: str, prefix: str) -> AsyncIterator[ListedBlob]:
        """In the order in which they were first written."""
        if container in self._missing:
            raise StorageFailedError(f"there is no container {container!r}")
        for path, blob in list(self._blobs.blobs.items()):
            if path.container == container and path.name.startswith(prefix):
                yield ListedBlob(
                    name=path.name,
                    etag=blob.etag,
                    length=blob.length,
                    md5=blob.md5,
                    metadata=dict(blob.metadata),
                    modified=blob.modified,
                )
