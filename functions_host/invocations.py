"""An invocation in the log: in the host's own words on the console, and as events."""

import dataclasses
import logging

from functions_host.events import Event, EventKind
from functions_host.functions import Delivery, Result

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One run of a function."""

    function: str
    id: str
    delivery: Delivery | None

    def log_start(self, reason: str) -> None:
        """Say that it begins, and for which message."""
        details = ""
        if self.delivery is not None:
            details = (
                f" Trigger Details: MessageId: {self.delivery.message_id}, "
                f"DequeueCount: {self.delivery.dequeue_count}, InsertedOn: {self.delivery.inserted_on}"
            )
        text = "Executing 'Functions.%s' (Reason='%s', Id=%s)%s"
        _log.info(text, self.function, reason, self.id, details, extra={"event": self.event(EventKind.EXECUTING)})

    def log_end(self, result: Result, *, seconds: float) -> None:
        """Say how it ended, and why it failed."""
        milliseconds = round(seconds * 1000)
        event = dataclasses.replace(
            self.event(EventKind.EXECUTED), ok=result.ok, duration_ms=milliseconds, error=result.error
        )
        level, outcome = (logging.INFO, "Succeeded") if result.ok else (logging.ERROR, "Failed")
        error = f" {result.error}" if result.error else ""
        text = "Executed 'Functions.%s' (%s, Id=%s, Duration=%dms)%s"
        _log.log(level, text, self.function, outcome, self.id, milliseconds, error, extra={"event": event})

    def event(self, kind: EventKind) -> Event:
        """Something that happens to it."""
        return Event(
            kind=kind,
            function=self.function,
            invocation_id=self.id,
            queue=self.delivery.queue if self.delivery else None,
            message_id=self.delivery.message_id if self.delivery else None,
            dequeue_count=self.delivery.dequeue_count if self.delivery else None,
        )
