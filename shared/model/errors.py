"""Everything that can go wrong, each with one fate.

::

    SluiceError
    ├── RetryableError                 escapes: the runtime retries, counts and poisons
    │   ├── TruncatedBodyError         the body ended before its stated length
    │   ├── SourceChangedError         another version of the source came in the middle
    │   ├── SourceRefusedError         401 or 403: a signature ran out, or a right is missing
    │   ├── UnexpectedStatusError      a status that nothing else here speaks of
    │   ├── DestinationContendedError  three rounds, and somebody else's blob still stands there
    │   ├── StorageFailedError         Azure Storage answered with an error that is not ours
    │   └── NoProgressError            a copy that began again has staged nothing since
    ├── DeferredError                  sent again with a delay, costs no attempt
    │   ├── SourceThrottledError       429, or a Retry-After
    │   │   └── HostBusyError          the dataset's own limits for the host have no room left
    │   ├── HostClosedError            the host failed several times in a row, and is tried again later
    │   ├── AssetNotYetFoundError      404 or 410 within the grace that an event's file has
    │   └── SourceUnavailableError     5xx, a time-out, no connection
    ├── UnfinishedError                the soft deadline is near: sent again, resumes
    ├── PermanentError                 to the poison queue at once, with its reason
    │   ├── AssetNotFoundError         404 or 410
    │   ├── UrlRefusedError            scheme, host, port, address or redirect outside the allowlist
    │   ├── MalformedRequestError      a message that is none of ours, or doesn't fit its dataset
    │   ├── UnknownDatasetError        no such dataset in datasets.toml
    │   ├── ChecksumMismatchError      the bytes aren't those that the catalog states
    │   ├── LengthMismatchError        as many bytes as the server said, but not as the catalog says
    │   ├── UnverifiableError          the dataset requires a checksum and there is none
    │   ├── ContentMismatchError       an error page, or bytes of another format
    │   ├── BadNameError               a destination name that could collide or climb
    │   ├── NameTakenError             another asset's blob stands at this name
    │   ├── BlobExistsError            on_existing is error, and a blob stands there
    │   ├── BlobDiffersError           on_existing is immutable, and other bytes stand there
    │   ├── AssetTooLargeError         more blocks than a blob can have, or over the dataset's limit
    │   ├── RequestTooLargeError       an asset that fits into no message
    │   ├── MalformedCatalogError      a page that is no page of this kind of catalog
    │   ├── EndlessCatalogError        the same token came twice
    │   ├── TokenRefusedError          a catalog that refuses a token of its own: the run begins a new pass
    │   └── WindowError                a window that the dataset can't be asked for (HTTP 400)
    ├── BlobConflictError              somebody else wrote first: decided by reading back, never escapes
    ├── RunConflictError               a run makes progress already (HTTP 409)
    ├── QueryInvalidError              a parameter of a request's address that means nothing (HTTP 400)
    ├── UnknownRunError                no such run, or not the newest (HTTP 404)
    ├── UnknownItemError               no such item, or none that can be asked for by its name (HTTP 404)
    ├── RunEndedError                  a run that has ended can't be cancelled (HTTP 409)
    ├── DatasetPausedError             no run begins until the dataset is resumed (HTTP 409)
    ├── EventsNotTakenError            the dataset takes no events (HTTP 404)
    ├── MalformedEventError            a body that is no event, or none that the dataset takes (HTTP 400)
    ├── EventTooLargeError             a call with more bytes or assets than one may have (HTTP 413)
    ├── NotAuthenticatedError          a call that isn't shown to come from whom it has to (HTTP 401)
    ├── ForbiddenError                 a call of somebody whom the dataset doesn't name (HTTP 403)
    ├── TooManyEventsError             more calls than the dataset takes in a minute (HTTP 429)
    ├── SenderUnavailableError         what vouches for the sender can't be asked now (HTTP 503)
    └── DatasetsInvalidError           datasets.toml can't be used
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar

from shared.model.advice import ADVICE, UNFORESEEN


class Fate(StrEnum):
    """What becomes of work that failed."""

    RETRY = "retry"
    DEFER = "defer"
    RESEND = "resend"
    POISON = "poison"


class SluiceError(Exception):
    """The root of everything that Sluice raises by itself."""

    fate: ClassVar[Fate] = Fate.RETRY
    #: What the server that refused calls the request in its own log, where it said so; as it came.
    request_id: str | None = None


class RetryableError(SluiceError):
    """Worth another try, which the runtime counts."""


class TruncatedBodyError(RetryableError):
    """A body ended before its stated length."""


class SourceChangedError(RetryableError):
    """The source is another version than the one that this copy began with."""


class SourceRefusedError(RetryableError):
    """The source answered 401 or 403."""


class UnexpectedStatusError(RetryableError):
    """The source answered with a status that has no meaning here."""


class DestinationContendedError(RetryableError):
    """Somebody else kept writing the same blob."""


class StorageFailedError(RetryableError):
    """Azure Storage failed in a way that no rule covers."""


class NoProgressError(RetryableError):
    """A copy that was sent again unfinished has staged nothing since."""


class DeferredError(SluiceError):
    """The host's trouble, not the asset's."""

    fate = Fate.DEFER

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        #: What the host asked for, where it did.
        self.retry_after = retry_after


class SourceThrottledError(DeferredError):
    """The source asked for patience."""


class HostBusyError(SourceThrottledError):
    """As many requests as the dataset's ``polite`` allows are under way: no fault of the host, nor of the asset."""


class HostClosedError(DeferredError):
    """Nothing is asked of a host for a while, since it refused or failed several assets in a row."""


class AssetNotYetFoundError(DeferredError):
    """An event came before its file: the source answers 404 or 410, and is asked again for a while."""


class SourceUnavailableError(DeferredError):
    """The source is down or can't be reached."""


class UnfinishedError(SluiceError):
    """The soft deadline came before the asset's end."""

    fate = Fate.RESEND

    def __init__(self, message: str, *, staged_blocks: int) -> None:
        super().__init__(message)
        self.staged_blocks = staged_blocks


class PermanentError(SluiceError):
    """Can't ever work as it is."""

    fate = Fate.POISON


class AssetNotFoundError(PermanentError):
    """The source answered 404 or 410."""


class UrlRefusedError(PermanentError):
    """A URL, or an address behind it, is outside the dataset's allowlist."""


class MalformedRequestError(PermanentError):
    """A message is not what its queue carries."""


class UnknownDatasetError(PermanentError):
    """No dataset of this name is defined."""


class ChecksumMismatchError(PermanentError):
    """The bytes have another digest than the catalog states."""


class LengthMismatchError(PermanentError):
    """The source has another length than the catalog states."""


class UnverifiableError(PermanentError):
    """The dataset requires a checksum and none can be computed."""


class ContentMismatchError(PermanentError):
    """The bytes are an error page, or of another format than the asset."""


class BadNameError(PermanentError):
    """A destination name that could collide with another or leave its place."""


class NameTakenError(PermanentError):
    """Another asset's blob has this name."""


class BlobExistsError(PermanentError):
    """A blob stands there already, and the dataset wants none to."""


class BlobDiffersError(PermanentError):
    """Other bytes stand there already, and the dataset's blobs are never replaced."""


class AssetTooLargeError(PermanentError):
    """The asset is larger than a blob or its dataset allows."""


class RequestTooLargeError(PermanentError):
    """An asset can't be described within one queue message."""


class MalformedCatalogError(PermanentError):
    """A catalog answered with something that is no page of it."""


class EndlessCatalogError(PermanentError):
    """A catalog's next link leads back to where it came from."""


class TokenRefusedError(PermanentError):
    """A catalog refuses to give a page that one of its own next links leads to."""


class WindowError(PermanentError):
    """The window of a run is malformed, or the catalog has no times."""

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


class BlobConflictError(SluiceError):
    """A conditional write lost: 409, 412 or InvalidBlockList."""


class RunConflictError(SluiceError):
    """A run of the dataset makes progress already."""

    def __init__(self, message: str, *, run: str) -> None:
        super().__init__(message)
        self.run = run


class QueryInvalidError(SluiceError):
    """A parameter in the address of a request has a value that it can't have."""

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


class UnknownRunError(SluiceError):
    """The run store knows no such run: of each dataset it has the newest alone."""


class UnknownItemError(SluiceError):
    """The catalog has no such item, or can't be asked for one by its name."""


class RunEndedError(SluiceError):
    """A run that is over can't be cancelled."""


class DatasetPausedError(SluiceError):
    """The dataset is paused, so that no run of it begins."""


class EventsNotTakenError(SluiceError):
    """The dataset has no table ``events``."""


class MalformedEventError(SluiceError):
    """A body isn't an event of a format that the dataset takes."""


class EventTooLargeError(SluiceError):
    """A call has more bytes, or asks for more assets, than one call may."""


class NotAuthenticatedError(SluiceError):
    """A call isn't shown to come from whom it has to come from."""


class ForbiddenError(SluiceError):
    """A call of somebody whom the dataset doesn't name, or for something that it doesn't."""


class TooManyEventsError(SluiceError):
    """More calls came than are taken."""

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message)
        #: When there is room again; it is the answer's Retry-After, too.
        self.retry_after_seconds = retry_after_seconds


class SenderUnavailableError(SluiceError):
    """Whether a call is its sender's can't be told now: it has to be sent again."""

    def __init__(self, message: str, *, retry_after_seconds: int = 30) -> None:
        super().__init__(message)
        #: When it is worth another try; it is the answer's Retry-After, too.
        self.retry_after_seconds = retry_after_seconds


class DatasetsInvalidError(SluiceError):
    """The datasets file is missing or wrong: file, dataset, field, what stands there and what could."""


#: What a caller is answered where the error is the caller's.
HTTP_STATUS: Mapping[type[SluiceError], int] = {
    WindowError: 400,
    QueryInvalidError: 400,
    UnknownDatasetError: 404,
    UnknownRunError: 404,
    UnknownItemError: 404,
    RunConflictError: 409,
    RunEndedError: 409,
    DatasetPausedError: 409,
    EventsNotTakenError: 404,
    MalformedEventError: 400,
    EventTooLargeError: 413,
    NotAuthenticatedError: 401,
    ForbiddenError: 403,
    TooManyEventsError: 429,
    SenderUnavailableError: 503,
}


def fate_of(error: BaseException) -> Fate:
    """The fate of any exception: what isn't ours is retryable."""
    return error.fate if isinstance(error, SluiceError) else Fate.RETRY


def advice_of(error_class_name: str) -> str:
    """What an operator does about a failure, by the name of its class as failures and messages carry it."""
    advice = ADVICE.get(error_class_name, UNFORESEEN)
    of_class = f"--class {error_class_name}"
    return advice.format(redrive=f"`sluice poison redrive {of_class}`", drop=f"`sluice poison drop {of_class}`")
