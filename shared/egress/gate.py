"""Whether a host is asked at all: not while it asks for patience, and not after it refused or failed in a row."""

import logging
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum

from shared.model.errors import HostClosedError, SourceThrottledError

logger = logging.getLogger(__name__)

#: Assets that failed one after the other, without a success between them.
_MOST_IN_A_ROW = 5
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 30.0, 900.0
#: While a probe is under way nobody knows how long it takes.
_PROBE_SECONDS = 15.0


class Trouble(StrEnum):
    """What closes a host."""

    REFUSALS = "it refused several assets in a row (401, 403)"
    OUTAGE = "it failed or couldn't be reached several times in a row"


class Gate:
    """The gate of one host in this process. Other processes have theirs: each learns by its own answers."""

    def __init__(self, host: str, *, clock: Callable[[], float]) -> None:
        self._host = host
        self._clock = clock
        self._patient_until = 0.0
        #: Assets that failed since the last success: one that fails again and again closes nothing.
        self._failed = set[str]()
        self._because: Trouble | None = None
        self._opens_at = 0.0
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._is_probed = False

    def check(self) -> None:
        """Raise while nobody may ask: SourceThrottledError, HostClosedError, both with the time that is left."""
        now = self._clock()
        if now < self._patient_until:
            left = timedelta(seconds=self._patient_until - now)
            raise SourceThrottledError(f"{self._host} has asked for patience", retry_after=left)
        if self._because is not None and (self._is_probed or now < self._opens_at):
            left = timedelta(seconds=max(self._opens_at - now, _PROBE_SECONDS))
            raise HostClosedError(f"{self._host} isn't asked: {self._because}", retry_after=left)

    def enter(self) -> bool:
        """Let a request that was checked in; True: it is the probe of a closed host, and the only one."""
        self._is_probed = self._because is not None
        return self._is_probed

    def leave(self, *, is_probe: bool) -> None:
        """Note that a request ended, whether it was answered or not: a probe that wasn't is followed by another."""
        if is_probe:
            self._is_probed = False

    def asked_for_patience(self, wait: timedelta) -> None:
        """Ask nothing for so long."""
        until = self._clock() + wait.total_seconds()
        if until > self._patient_until:
            self._patient_until = until
            extra = {"action": "host_patient", "host": self._host, "seconds": wait.total_seconds()}
            logger.warning("host asks for patience", extra=extra)

    def succeeded(self) -> None:
        """Note that the host answers: what failed before was the assets' trouble, or is over."""
        self._failed.clear()
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        if self._because is not None:
            self._because = None
            logger.info("host is asked again", extra={"action": "host_opened", "host": self._host})

    def failed(self, asset: str, trouble: Trouble, *, is_probe: bool) -> None:
        """Note a failure, and whose: several in a row close the gate, a failed probe keeps it closed for longer."""
        if self._because is not None:
            if not is_probe:
                # It was under way before the gate closed.
                return
            self._pause_seconds = min(self._pause_seconds * 2, _LONGEST_PAUSE_SECONDS)
        self._failed.add(asset)
        if is_probe or len(self._failed) >= _MOST_IN_A_ROW:
            self._close(trouble)

    def _close(self, trouble: Trouble) -> None:
        self._because = trouble
        self._opens_at = self._clock() + self._pause_seconds
        self._failed.clear()
        extra = {"action": "host_closed", "host": self._host, "seconds": self._pause_seconds, "because": trouble}
        logger.warning("host isn't asked for a while", extra=extra)
