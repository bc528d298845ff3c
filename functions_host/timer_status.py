"""What a timer remembers from one host to the next: when it ran last and runs next.

Source: azure-webjobs-sdk-extensions StorageScheduleMonitor.cs, ScheduleStatus.cs.
"""

import dataclasses
import datetime as dt
import json
import logging
from typing import Protocol

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob.aio import ContainerClient

#: Stands for "has not run", as .NET's default does.
NOT_YET = dt.datetime.min.replace(tzinfo=dt.UTC)

#: Where hosts keep such things.
CONTAINER = "azure-webjobs-hosts"

_log = logging.getLogger(__name__)


class StatusUnavailableError(RuntimeError):
    """The storage could not tell whether there is a timer's state."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleStatus:
    """The state of one timer."""

    last: dt.datetime
    next: dt.datetime
    last_updated: dt.datetime

    def to_json(self) -> dict[str, str]:
        """As the blob and the function's ``TimerRequest`` have it."""
        return {
            "Last": self.last.isoformat(),
            "Next": self.next.isoformat(),
            "LastUpdated": self.last_updated.isoformat(),
        }


class StatusStore(Protocol):
    """Keeps the states of timers, each under its function's name."""

    async def read(self, function: str) -> ScheduleStatus | None:
        """The state of a timer, or ``None`` if there is none yet.

        Raises:
            StatusUnavailableError: the storage could not tell.
        """
        ...

    async def write(self, function: str, *, status: ScheduleStatus) -> None:
        """Keep the state of a timer: best effort, a failure is logged."""
        ...


class StatusBlobs:
    """Keeps the states of timers in blobs ``timers/<host id>/Host.Functions.<function>/status``."""

    def __init__(self, *, container: ContainerClient, host_id: str) -> None:
        """Keep states in a container (``azure-webjobs-hosts``), which is made when it is first needed."""
        self._container = container
        self._host_id = host_id

    async def read(self, function: str) -> ScheduleStatus | None:
        """The state of a timer, or ``None`` if there is none yet or it can't be understood.

        Raises:
            StatusUnavailableError: the storage could not tell.
        """
        try:
            download = await self._container.download_blob(self._path(function))
            content = await download.readall()
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise StatusUnavailableError(f"the status of the timer '{function}' could not be read") from error
        try:
            return _parse(content)
        except (ValueError, TypeError, LookupError, AttributeError):
            _log.warning("The status of the timer '%s' can't be read and is written anew.", function, exc_info=True)
            return None

    async def write(self, function: str, *, status: ScheduleStatus) -> None:
        """Keep the state of a timer: best effort, a failure is logged."""
        content = json.dumps(status.to_json()).encode()
        try:
            try:
                await self._container.upload_blob(self._path(function), content, overwrite=True)
            except ResourceNotFoundError:
                await make_container(self._container)
                await self._container.upload_blob(self._path(function), content, overwrite=True)
        except AzureError:
            _log.exception("Function '%s' failed to update the timer trigger status.", function)

    def _path(self, function: str) -> str:
        return f"timers/{self._host_id}/Host.Functions.{function}/status"


async def make_container(container: ContainerClient) -> None:
    """Make a container that may have come into being meanwhile."""
    try:
        await container.create_container()
    except ResourceExistsError:
        return


def _parse(content: bytes) -> ScheduleStatus:
    # Such as {"Last":"0001-01-01T00:00:00","Next":"2026-11-23T08:05:00+00:00",
    # "LastUpdated":"2026-11-23T08:00:00.1234567+00:00"}: seven digits, and a default without an offset.
    fields = {name.lower(): value for name, value in json.loads(content).items()}
    return ScheduleStatus(
        last=_time(fields["last"]), next=_time(fields["next"]), last_updated=_time(fields["lastupdated"])
    )


def _time(text: str) -> dt.datetime:
    time = dt.datetime.fromisoformat(text)
    return time if time.tzinfo is not None else time.replace(tzinfo=dt.UTC)
