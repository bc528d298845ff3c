"""Shared access signatures: made once by the SDKs for many calls, where an account is opened by its key."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from azure.core.credentials import AzureNamedKeyCredential
from azure.data import tables
from azure.storage import blob

# Short: an account may refuse signatures that live longer than it says.
_LIFE = timedelta(hours=1)


def _now() -> datetime:
    return datetime.now(UTC)


class Signature:
    """A signature that ``make`` makes for an expiry, and makes anew in the middle of its life."""

    def __init__(self, make: Callable[[datetime], str], *, clock: Callable[[], datetime] = _now) -> None:
        self._make = make
        self._clock = clock
        self._made = ""
        self._expires = datetime.min.replace(tzinfo=UTC)

    def __call__(self) -> str:
        """The signature that holds now, as a part of a query."""
        now = self._clock()
        if self._expires < now + _LIFE / 2:
            self._expires = now + _LIFE
            self._made = self._make(self._expires)
        return self._made


def blob_signature(key: AzureNamedKeyCredential, secure: bool, expires: datetime) -> str:  # noqa: FBT001
    """For Put Blob and nothing else."""
    return blob.generate_account_sas(
        key.named_key.name,
        key.named_key.key,
        resource_types=blob.ResourceTypes(object=True),
        permission=blob.AccountSasPermissions(write=True, create=True),
        expiry=expires,
        protocol="https" if secure else "https,http",
    )


def table_signature(key: AzureNamedKeyCredential, secure: bool, expires: datetime) -> str:  # noqa: FBT001
    """For look-ups, inserts and updates."""
    return tables.generate_account_sas(
        key,
        # Azurite takes a query for a matter of the table.
        tables.ResourceTypes(object=True, container=True),
        tables.AccountSasPermissions(read=True, add=True, update=True),
        expires,
        protocol="https" if secure else "https,http",
    )
