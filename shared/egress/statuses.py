"""What a status says, in one place: what becomes of the asset and what of its host follows from it elsewhere."""

from collections.abc import Mapping
from enum import Enum, auto
from http import HTTPStatus


class Meaning(Enum):
    """What a status says of what was asked for, or of the host."""

    #: 2xx: here it is.
    HERE = auto()
    #: 202: it is being made ready; an archive fetches the file from tape, say.
    COMING = auto()
    #: 404, 410: it isn't there.
    ABSENT = auto()
    #: 401, 403: whoever asks may not have it.
    REFUSED = auto()
    #: 429: too many have asked.
    THROTTLED = auto()
    #: 503: too much is asked of the host, or it is down.
    OVERLOADED = auto()
    #: 408 and every other 5xx: the host couldn't do it.
    FAILED = auto()
    #: Everything else: redirects that weren't followed, and what the request should not have been.
    UNEXPECTED = auto()

    @property
    def asks_for_patience(self) -> bool:
        """Whether a Retry-After beside it is meant for all requests (RFC 9110, 15.6.4; RFC 6585, 4)."""
        return self in {Meaning.THROTTLED, Meaning.OVERLOADED}

    @property
    def is_outage(self) -> bool:
        """Whether it is the host's trouble: nothing of it says anything about what was asked for."""
        return self in {Meaning.THROTTLED, Meaning.OVERLOADED, Meaning.FAILED}


_SAID: Mapping[int, Meaning] = {
    HTTPStatus.ACCEPTED: Meaning.COMING,
    HTTPStatus.UNAUTHORIZED: Meaning.REFUSED,
    HTTPStatus.FORBIDDEN: Meaning.REFUSED,
    HTTPStatus.NOT_FOUND: Meaning.ABSENT,
    HTTPStatus.REQUEST_TIMEOUT: Meaning.FAILED,
    HTTPStatus.GONE: Meaning.ABSENT,
    HTTPStatus.TOO_MANY_REQUESTS: Meaning.THROTTLED,
    HTTPStatus.SERVICE_UNAVAILABLE: Meaning.OVERLOADED,
}


def meaning_of(status: int) -> Meaning:
    """What a status says; numbers that no document names mean what their hundred does (RFC 9110, 15)."""
    if (said := _SAID.get(status)) is not None:
        return said
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Meaning.HERE
    return Meaning.FAILED if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Meaning.UNEXPECTED
