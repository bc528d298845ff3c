"""Sources over HTTP."""

import contextlib
import dataclasses
import re
from collections.abc import AsyncGenerator, Mapping
from datetime import timedelta
from http import HTTPStatus

from shared.egress import Egress, Reply, check_status, http_date
from shared.model.datasets import Dataset
from shared.model.errors import SourceRefusedError, UnexpectedStatusError
from shared.model.hrefs import host_of
from shared.sources.body import Body, Rest
from shared.sources.ranges import check_rest, counted, range_headers
from shared.sources.signing import Signed, Signing
from shared.sources.stated import content_coding, stated_checksums

# No weak one, and only what fits a header and a blob's metadata.
_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e]{1,512}"')
_DATE = re.compile(r"[\x20-\x7e]{1,64}")
_SETTLED = timedelta(seconds=60)


class HttpSources:
    """Sources that are asked through ``Egress``."""

    def __init__(self, egress: Egress, signing: Signing) -> None:
        self._egress = egress
        self._signing = signing

    @contextlib.asynccontextmanager
    async def open(self, href: str, *, dataset: Dataset, rest: Rest | None = None) -> AsyncGenerator[Body]:
        """Open an href as ``Sources`` says."""
        signed = await self._signing.signed(href, dataset=dataset)
        headers = {**signed.headers, **(range_headers(rest) if rest else {})}
        async with self._egress.request(
            "GET", signed.url, allow=dataset.allow, headers=headers, trusted=signed.trusted
        ) as reply:
            _check_signed(reply, signed)
            yield _whole(reply) if rest is None else _rest(reply, rest)


def _check_signed(reply: Reply, signed: Signed) -> None:
    """Forget the token of what was refused; raises SourceRefusedError for a redirect to a login page."""
    at_login = signed.login is not None and host_of(reply.url) == signed.login
    if at_login or reply.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        signed.forget()
    if at_login:
        raise SourceRefusedError(f"the source redirects to {signed.login} to log in: it doesn't take the token")


def _whole(reply: Reply) -> Body:
    check_status(reply)
    if reply.status != HTTPStatus.OK:
        raise UnexpectedStatusError(f"{host_of(reply.url)} answered {reply.status} to a request for the whole")
    return _body(reply)


def _rest(reply: Reply, rest: Rest) -> Body:
    body = _body(reply)
    check_rest(reply, rest, encoding=body.encoding)
    return dataclasses.replace(
        body, length=rest.total - rest.first, validator=rest.validator, stated={}, chunks=lambda: counted(reply, rest)
    )


def _body(reply: Reply) -> Body:
    return Body(
        length=reply.length,
        validator=_validator(reply.headers),
        media_type=reply.headers.get("Content-Type") or None,
        encoding=content_coding(reply.headers.get("Content-Encoding", "")),
        stated=stated_checksums(reply.headers),
        chunks=reply.chunks,
    )


def _validator(headers: Mapping[str, str]) -> str | None:
    """A strong ETag, or a Last-Modified that had settled when the response was made (RFC 9110, 8.8.2.2)."""
    etag = headers.get("ETag", "")
    if _STRONG_ETAG.fullmatch(etag):
        return f"etag:{etag}"
    text = headers.get("Last-Modified", "")
    modified, date = http_date(text), http_date(headers.get("Date", ""))
    settled = modified is not None and date is not None and date - modified >= _SETTLED
    return f"modified:{text}" if settled and _DATE.fullmatch(text) else None
