"""Times as people and catalogs write them, in UTC."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC; one without a zone is taken for UTC, since many catalogs leave the Z out.

    Raises ValueError for what UTC's calendar hasn't: ``0001-01-01T00:00:00+01:00``. (Python's own OverflowError is none
    that pydantic reports: it would escape, and one line of a catalog would end a run.)
    """
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("in UTC it lies outside the calendar") from error


def _written_out(value: object) -> object:
    if isinstance(value, datetime) or (isinstance(value, str) and re.match(r"\s*[0-9]{4}-", value)):
        return value
    raise ValueError("a time is written as 2024-06-01T10:00:00Z")


#: What a written time has to look like: ``2024`` and ``20240601`` would be taken for seconds since 1970.
WRITTEN_OUT = BeforeValidator(_written_out)

#: A time as RFC 3339 writes it, without a zone UTC.
type WrittenTime = Annotated[datetime, WRITTEN_OUT, AfterValidator(in_utc)]
