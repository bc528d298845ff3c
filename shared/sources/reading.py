"""Sources over HTTP."""

import contextlib
import re
from collections.abc import AsyncGenerator, Mapping
from datetime import timedelta
from http import HTTPStatus

from shared.egress import Egress, Reply, check_status, http_date
from shared.model.checksums import Algorithm, from_hex_or_base64
from shared.model.datasets import Dataset
from shared.model.errors import UnexpectedStatusError
from shared.model.hrefs import host_of
from shared.sources.body import Body
from shared.sources.signing import Signing

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
    async def open(self, href: str, *, dataset: Dataset) -> AsyncGenerator[Body]:
        """Open an href as ``Sources`` says."""
        signed = await self._signing.signed(href, dataset=dataset)
        async with self._egress.request("GET", signed.url, allow=dataset.allow, headers=signed.headers) as reply:
            check_status(reply)
            if reply.status != HTTPStatus.OK:
                raise UnexpectedStatusError(f"{host_of(reply.url)} answered {reply.status} to a request for the whole")
            yield _body(reply)


def _body(reply: Reply) -> Body:
    return Body(
        length=reply.length,
        validator=_validator(reply.headers),
        media_type=reply.headers.get("Content-Type") or None,
        encoding=_encoding(reply.headers.get("Content-Encoding", "")),
        stated=_stated(reply.headers),
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


def _encoding(text: str) -> str | None:
    encoding = text.strip().lower()
    return None if encoding in {"", "identity"} else encoding


def _stated(headers: Mapping[str, str]) -> dict[str, str]:
    """Digests of the bytes that were sent, by algorithm; what can't be read is left out.

    ``Content-MD5: Q2h…==`` · ``x-amz-checksum-sha256: 47D…=`` (or ``…=-3``, a digest of parts) ·
    ``x-goog-hash: crc32c=n03x6A==,md5=Ojk…==``
    """
    found = (
        (Algorithm.MD5, headers.get("Content-MD5")),
        (Algorithm.MD5, _google_md5(headers)),
        (Algorithm.SHA256, headers.get("x-amz-checksum-sha256")),
        (Algorithm.SHA1, headers.get("x-amz-checksum-sha1")),
    )
    stated: dict[str, str] = {}
    for algorithm, text in found:
        if text and algorithm not in stated:
            with contextlib.suppress(ValueError):
                stated[algorithm.value] = from_hex_or_base64(algorithm, text.strip())
    return stated


def _google_md5(headers: Mapping[str, str]) -> str | None:
    """The MD5 of the stored object, unless that was unpacked on the way (decompressive transcoding).

    https://cloud.google.com/storage/docs/transcoding
    """
    stored = _encoding(headers.get("x-goog-stored-content-encoding", ""))
    found = re.search(r"\bmd5=([A-Za-z0-9+/=]+)", headers.get("x-goog-hash", ""))
    return found[1] if found and stored == _encoding(headers.get("Content-Encoding", "")) else None
