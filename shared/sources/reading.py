"""Sources over HTTP."""

import contextlib
import dataclasses
from collections.abc import AsyncGenerator
from http import HTTPStatus

from shared.egress import Egress, Reply, check_status
from shared.egress.validators import strong_validator
from shared.model.datasets import Dataset
from shared.model.errors import SourceRefusedError, UnexpectedStatusError
from shared.model.hrefs import host_of
from shared.sources.body import Body, Rest
from shared.sources.ranges import check_rest, counted, range_headers
from shared.sources.signing import Signed, Signing
from shared.sources.stated import content_coding, stated_checksums


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
        validator=strong_validator(reply.headers),
        media_type=reply.headers.get("Content-Type") or None,
        encoding=content_coding(reply.headers.get("Content-Encoding", "")),
        stated=stated_checksums(reply.headers),
        chunks=reply.chunks,
    )
