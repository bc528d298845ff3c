"""Whether the queues, tables and containers of the data account are there, and may be read."""

import dataclasses
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, Protocol

from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.pipeline import PipelineResponse

from shared.storage.accounts import Account
from shared.storage.answers import code_of, status_of

_NOT_FOUND = 404
_REFUSALS = frozenset({401, 403})


class Place(StrEnum):
    """What something is kept in."""

    QUEUE = "queue"
    TABLE = "table"
    CONTAINER = "container"


class Found(StrEnum):
    """How a place was found."""

    THERE = "there"
    MISSING = "missing"
    #: A role is missing, or the account's network rules keep us out.
    FORBIDDEN = "forbidden"
    #: No answer, or one that says nothing of the place.
    UNREACHABLE = "unreachable"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A look at a place."""

    found: Found
    #: Status and code, or what was raised; empty where it is there.
    told: str = ""
    #: What the service's clock says, where it answered.
    at: datetime | None = None


class Premises(Protocol):
    """The data account, looked at by reading; raises nothing."""

    async def look(self, place: Place, name: str) -> Look:
        """Ask a queue for its count, a table for an entity, a container for a name of a blob."""
        ...


class AzurePremises:
    """An account in Azure Storage."""

    def __init__(self, account: Account) -> None:
        self._account = account

    async def look(self, place: Place, name: str) -> Look:
        """One call, with the clients' own retries."""
        clock = _Clock()
        try:
            await self._read(place, name, clock)
        except HttpResponseError as error:
            return Look(found=_found(error), told=_told(error), at=clock.at)
        # aiohttp's own time-outs and resets are OSErrors.
        except (AzureError, OSError) as error:
            return Look(found=Found.UNREACHABLE, told=type(error).__name__)
        return Look(found=Found.THERE, at=clock.at)

    async def _read(self, place: Place, name: str, clock: "_Clock") -> None:
        match place:
            case Place.QUEUE:
                await self._account.queues.get_queue_client(name).get_queue_properties(raw_response_hook=clock)
            case Place.TABLE:
                table = self._account.tables.get_table_client(name)
                await anext(aiter(table.list_entities(results_per_page=1, raw_response_hook=clock)), None)
            case _:
                container = self._account.blobs.get_container_client(name)
                await anext(aiter(container.list_blob_names(results_per_page=1, raw_response_hook=clock)), None)


class _Clock:
    """The Date of the last answer (https://learn.microsoft.com/rest/api/storageservices/common-rest-api-headers)."""

    def __init__(self) -> None:
        self.at: datetime | None = None

    def __call__(self, response: PipelineResponse[Any, Any]) -> None:
        try:
            self.at = parsedate_to_datetime(response.http_response.headers.get("Date", "")).astimezone(UTC)
        except ValueError:
            self.at = None


def _found(error: HttpResponseError) -> Found:
    if status_of(error) == _NOT_FOUND:
        return Found.MISSING
    return Found.FORBIDDEN if status_of(error) in _REFUSALS else Found.UNREACHABLE


def _told(error: HttpResponseError) -> str:
    return f"{status_of(error) or type(error).__name__} {code_of(error)}".rstrip()
