"""What went over the wire: requests to the storage account, each with whose it was and how it was answered."""

import dataclasses
import enum
from collections.abc import Iterable, Mapping


def expiring(exchanges: Iterable["Exchange"]) -> "list[Exchange]":
    """The messages that were sent with an end to their life, but for those that the host moved to poison.

    That move has no time-to-live, in the real host neither: it is the service's default of seven days.
    """
    return [
        each
        for each in exchanges
        if each.is_send
        and each.query.get("messagettl") != "-1"
        and not (each.caller is Caller.HOST and each.path.endswith("-poison/messages"))
    ]


class Caller(enum.StrEnum):
    """Whose request it is."""

    APP = "app"
    HOST = "host"


class Service(enum.StrEnum):
    """Which of the account's services was asked."""

    BLOB = "blob"
    QUEUE = "queue"
    TABLE = "table"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request, and the status of its answer."""

    caller: Caller
    service: Service
    method: str
    #: Below the account, decoded.
    path: str
    query: Mapping[str, str]
    user_agent: str
    #: None: it was not forwarded, or not yet.
    status: int | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the service did what was asked."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_send(self) -> bool:
        """Whether it puts a message into a queue."""
        return self.service is Service.QUEUE and self.method == "POST" and self.path.endswith("/messages")

    @property
    def is_commit(self) -> bool:
        """Whether it makes a blob: Put Blob or Put Block List."""
        return self.service is Service.BLOB and self.method == "PUT" and self.query.get("comp") in {None, "blocklist"}

    @property
    def writes_ledger(self) -> bool:
        """Whether it writes rows of the ledger, the only table that is written in transactions."""
        return self.service is Service.TABLE and self.method == "POST" and self.path in {"ledger", "$batch"}
