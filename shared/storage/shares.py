"""Shares of hosts' budgets: leases of empty blobs, which end by the service's own clock."""

import hashlib
import uuid

from azure.core.exceptions import HttpResponseError
from azure.storage.blob.aio import BlobClient, BlobLeaseClient, BlobServiceClient

from shared.egress import LEASE_SECONDS
from shared.storage.answers import code_of, status_of, translated

CONTAINER = "politeness"

_ABSENT = 404
_CONFLICT = frozenset({409, 412})


class AzureShares:
    """A blob for each share. What it is called depends on the host and the share's number only."""

    def __init__(self, service: BlobServiceClient, *, container: str = CONTAINER) -> None:
        self._service = service
        self._container = container

    async def take(self, budget: str, share: int) -> str | None:
        """Lease Blob: acquire, by an id of our own, so that a retry whose first answer was lost finds itself."""
        blob, lease = self._blob(budget, share), str(uuid.uuid4())
        with translated(f"share {share} of {budget}: take"):
            try:
                await blob.acquire_lease(LEASE_SECONDS, lease_id=lease)
            except HttpResponseError as error:
                if status_of(error) == _ABSENT:
                    await self._make(blob)
                    return None
                if _is_conflict(error):
                    return None
                raise
        return lease

    async def renew(self, budget: str, share: int, *, lease: str) -> bool:
        """Lease Blob: renew."""
        with translated(f"share {share} of {budget}: renew"):
            try:
                await self._lease(budget, share, lease).renew()
            except HttpResponseError as error:
                if _is_lost(error):
                    return False
                raise
        return True

    async def give_back(self, budget: str, share: int, *, lease: str) -> None:
        """Lease Blob: release."""
        with translated(f"share {share} of {budget}: give back"):
            try:
                await self._lease(budget, share, lease).release()
            except HttpResponseError as error:
                if not _is_lost(error):
                    raise

    async def _make(self, blob: BlobClient) -> None:
        try:
            await blob.upload_blob(b"", overwrite=False)
        except HttpResponseError as error:
            if not _is_conflict(error):
                raise

    def _lease(self, budget: str, share: int, lease: str) -> BlobLeaseClient:
        return BlobLeaseClient(self._blob(budget, share), lease_id=lease)

    def _blob(self, budget: str, share: int) -> BlobClient:
        # A pattern of hosts has characters that a name of a blob had better not have.
        name = hashlib.sha256(budget.encode()).hexdigest()
        return self._service.get_blob_client(self._container, f"{name}/{share}")


def _is_lost(error: HttpResponseError) -> bool:
    """The share is another's by now, or its blob is gone."""
    return _is_conflict(error) or status_of(error) == _ABSENT


def _is_conflict(error: HttpResponseError) -> bool:
    """Somebody else's lease, or somebody else's blob; a container that is being deleted also answers 409."""
    return status_of(error) in _CONFLICT and code_of(error) != "ContainerBeingDeleted"
