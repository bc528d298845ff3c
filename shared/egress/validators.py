"""Which part of which version of a file an answer is, as HTTP tells: its parts have to fit together."""

import re
from collections.abc import Mapping
from datetime import timedelta

from shared.egress.replies import http_date

# No weak one, and only what fits a header and a blob's metadata.
_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e]{1,512}"')
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19})")
_DATE = re.compile(r"[\x20-\x7e]{1,64}")
_SETTLED = timedelta(seconds=60)


def strong_validator(headers: Mapping[str, str]) -> str | None:
    """``etag:"…"`` for a strong ETag, else ``modified:<date>`` for a Last-Modified that had settled when it was sent.

    https://www.rfc-editor.org/rfc/rfc9110#section-8.8.2.2
    """
    etag = headers.get("ETag", "")
    if _STRONG_ETAG.fullmatch(etag):
        return f"etag:{etag}"
    text = headers.get("Last-Modified", "")
    modified, date = http_date(text), http_date(headers.get("Date", ""))
    settled = modified is not None and date is not None and date - modified >= _SETTLED
    return f"modified:{text}" if settled and _DATE.fullmatch(text) else None


def condition(validator: str) -> dict[str, str]:
    """The header that holds a request to a version (RFC 9110, 13.1.1 and 13.1.4)."""
    kind, _, value = validator.partition(":")
    return {"If-Match" if kind == "etag" else "If-Unmodified-Since": value}


def is_of_version(headers: Mapping[str, str], validator: str) -> bool:
    """Tell whether an answer is of this version; a date is as settled as it was: another Date proves nothing more."""
    kind, _, value = validator.partition(":")
    return headers.get("ETag" if kind == "etag" else "Last-Modified", "") == value


def range_of(headers: Mapping[str, str]) -> tuple[int, int, int] | None:
    """The first and the last byte of a partial answer, and the file's length (RFC 9110, 14.4); None if it is none."""
    found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
    return None if found is None else (int(found[1]), int(found[2]), int(found[3]))
