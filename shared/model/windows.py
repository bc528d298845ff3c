"""Spans of time: what a run asks its catalog for."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, ValidationError, model_validator

from shared.model.errors import WindowError
from shared.model.times import WRITTEN_OUT, in_utc

#: Where an open end is taken to lie when a window is halved, as long as the other end leaves room: nearest first.
_BEGINNINGS = tuple(datetime(year, 1, 1, tzinfo=UTC) for year in (1970, 1900, 1))
_ENDS = tuple(datetime(year, 1, 1, tzinfo=UTC) for year in (2100, 9999))
#: No catalog's times are finer.
_FINEST = timedelta(milliseconds=1)

type _Moment = Annotated[AwareDatetime, WRITTEN_OUT, AfterValidator(in_utc)]


class TimeProperty(StrEnum):
    """A time that items have.

    https://github.com/radiantearth/stac-spec/blob/master/commons/common-metadata.md#date-and-time; ``published``:
    https://github.com/stac-extensions/timestamps.
    """

    #: When it was taken.
    DATETIME = "datetime"
    #: When its metadata were made, and changed.
    CREATED = "created"
    UPDATED = "updated"
    #: When it was published first.
    PUBLISHED = "published"


class Window(BaseModel):
    """From ``since`` to ``until``, both included; an open end is None."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    since: _Moment | None = None
    until: _Moment | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.since and self.until and self.since > self.until:
            raise ValueError("since lies after until")
        return self

    @classmethod
    def parse(cls, interval: str) -> Self:
        """Read an interval as STAC writes it: ``2024-01-01T00:00:00Z/..``; raises ValueError."""
        start, separator, end = interval.partition("/")
        if not separator:
            raise ValueError("an interval is written start/end, with .. for an open end")
        return cls(since=_time(start), until=_time(end))

    @property
    def interval(self) -> str | None:
        """The interval as STAC writes it, or None where both ends are open."""
        if self.since is None and self.until is None:
            return None
        return f"{_text(self.since)}/{_text(self.until)}"

    def holds(self, moment: datetime | None) -> bool:
        """Tell whether a moment lies in the window; no moment lies in the open window alone."""
        if moment is None:
            return self.interval is None
        return (self.since is None or self.since <= moment) and (self.until is None or moment <= self.until)

    @property
    def is_empty(self) -> bool:
        """Tell whether no moment lies in the window, as where two windows don't meet."""
        return self.since is not None and self.until is not None and self.since > self.until

    def meet(self, other: "Window") -> "Window":
        """What lies in both windows."""
        since = max((each for each in (self.since, other.since) if each), default=None)
        until = min((each for each in (self.until, other.until) if each), default=None)
        return Window.model_construct(since=since, until=until)

    def halves(self, *, now: datetime) -> tuple["Window", "Window"] | None:
        """Two windows that are this one together, and share a moment; None where it isn't longer than a millisecond.

        An open end stays open: it only counts for where the middle is. Nothing lies between the two, as times may be
        finer than ours; what lies in both is asked for twice.
        """
        since = self.since or next((each for each in _BEGINNINGS if (self.until or now) - each > _FINEST), None)
        until = self.until or next((each for each in (now, *_ENDS) if since and each - since > _FINEST), None)
        if since is None or until is None or until - since <= _FINEST:
            return None
        middle = since + (until - since) / 2
        middle = middle.replace(microsecond=middle.microsecond // 1000 * 1000)
        if not since < middle < until:
            return None
        return Window(since=self.since, until=middle), Window(since=middle, until=self.until)


def parse_window(body: bytes) -> Window:
    """Read the body of a request for a run: nothing, or ``{"since": "...", "until": "..."}``; raises WindowError."""
    try:
        return Window.model_validate_json(body) if body.strip() else Window()
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        field = ".".join(str(each) for each in first["loc"]) or "body"
        example = '{"since": "2024-01-01T00:00:00Z"}'
        raise WindowError(f"{field}: {first['msg']}; an example: {example}", field=field) from error


def _time(text: str) -> datetime | None:
    if text in {"", ".."}:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _text(moment: datetime | None) -> str:
    return ".." if moment is None else moment.isoformat().replace("+00:00", "Z")
