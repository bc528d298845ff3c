"""How hard a host may be asked, by all processes of the app together; nothing is limited where no dataset says so."""

import dataclasses
from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

#: Into how many shares a budget is cut at most: each that a process holds costs it a storage call every 20 seconds.
MAX_SHARES = 8

_KIB = 1024
_MIB = 1024 * _KIB
#: What a connection may hold of a body that nobody has read, in the kernel's buffers and in the client's.
_SMALLEST_WINDOW, _LARGEST_WINDOW = 256 * _KIB, 16 * _MIB
#: Windows count as bytes of this second from before they are filled: so much of a second is theirs at most.
_OF_A_SECOND = 8
_USUAL_AT_ONCE = 16


class Polite(BaseModel):
    """What hosts are spared; all limits are of the whole app, however many instances it has."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    requests_at_once: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Requests that are under way at once, each from before it is sent until its body has come."""
    requests_per_second: Annotated[float, Field(ge=0.05, le=100_000)] | None = None
    """Requests in any second: a whole number, or less than one (0.2: one each five seconds; 0.05 at least)."""
    bytes_per_second: Annotated[int, Field(ge=_MIB)] | None = None
    """Bytes of bodies in any second, a MiB (1048576) at least. Since what lies in a connection's buffers counts, too,
    there is one request at once for each two MiB at most."""
    hosts: tuple[str, ...] = ()
    """The hosts of allow.hosts that are meant, or some of them; none: all. Those of one pattern are one host."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        rate = self.requests_per_second
        if rate is not None and rate > 1 and rate != int(rate):
            raise ValueError(
                f"requests_per_second has to be a whole number, or less than one; {int(rate)} is the next one"
            )
        return self


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What a share allows, or all shares of a process together."""

    at_once: int = 0
    #: In any ``Limits.period``.
    requests: int = 0
    #: In any second.
    body_bytes: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(
            at_once=self.at_once + other.at_once,
            requests=self.requests + other.requests,
            body_bytes=self.body_bytes + other.body_bytes,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one host; None: there is none."""

    at_once: int | None = None
    per_second: float | None = None
    bytes_per_second: int | None = None

    @property
    def period(self) -> float:
        """The seconds in which so many requests may be sent as the shares say."""
        return 1 / self.per_second if self.per_second is not None and self.per_second < 1 else 1.0

    @property
    def window(self) -> int:
        """How many bytes a connection may hold that nobody has read; what isn't limited has none."""
        if self.bytes_per_second is None:
            return 0
        even = self.bytes_per_second // (_OF_A_SECOND * (self.at_once or _USUAL_AT_ONCE))
        return max(_SMALLEST_WINDOW, min(even, _LARGEST_WINDOW))

    def shares(self) -> tuple[Worth, ...]:
        """The budget in parts as equal as can be, each of them enough for a request; none where nothing is limited.

        It depends on nothing but the limits: all processes have to cut alike.
        """
        at_once, requests = self._at_once, self._requests
        most = [each for each in (at_once, requests) if each is not None]
        if not most:
            return ()
        count = min(*most, MAX_SHARES)
        parts = (_parts(each or 0, count) for each in (at_once, requests, self.bytes_per_second))
        return tuple(Worth(at_once=a, requests=r, body_bytes=b) for a, r, b in zip(*parts, strict=True))

    def strictest(self, other: Self) -> Self:
        """The smaller limit of each kind."""
        return type(self)(
            at_once=_smaller(self.at_once, other.at_once),
            per_second=_smaller(self.per_second, other.per_second),
            bytes_per_second=_smaller(self.bytes_per_second, other.bytes_per_second),
        )

    @property
    def _at_once(self) -> int | None:
        if self.bytes_per_second is None:
            return self.at_once
        windows = max(1, self.bytes_per_second // (_OF_A_SECOND * self.window))
        return windows if self.at_once is None else min(windows, self.at_once)

    @property
    def _requests(self) -> int | None:
        return None if self.per_second is None else max(1, int(self.per_second))


def budgets(polite: Iterable[tuple[Polite, tuple[str, ...]]]) -> dict[str, Limits]:
    """The limits of each host, or pattern of hosts, from what each dataset says, with the hosts that it allows.

    A limit is the host's, whichever dataset asks it: of several the strictest counts.
    """
    found: dict[str, Limits] = {}
    for said, allowed in polite:
        limits = Limits(
            at_once=said.requests_at_once,
            per_second=said.requests_per_second,
            bytes_per_second=said.bytes_per_second,
        )
        for host in said.hosts or allowed:
            found[host] = found[host].strictest(limits) if host in found else limits
    return found


def _parts(total: int, count: int) -> list[int]:
    return [total // count + (index < total % count) for index in range(count)]


def _smaller[T: (int, float)](one: T | None, other: T | None) -> T | None:
    return one if other is None or (one is not None and one <= other) else other
