"""Documents of catalogs over HTTP."""

from collections.abc import Callable

from shared.egress import Http, Reply, check_status
from shared.model.datasets import Allowlist
from shared.model.errors import AssetNotFoundError, AssetTooLargeError, MalformedCatalogError
from shared.model.hrefs import unsigned
from shared.redaction import redacted

_MAX_BYTES = 16 * 1024 * 1024


async def read_document(
    http: Http,
    address: str,
    *,
    allow: Allowlist,
    accept: str,
    limit: int = _MAX_BYTES,
    check: Callable[[Reply], None] = check_status,
) -> tuple[bytes, str]:
    """A document of at most ``limit`` bytes, and where it is after redirects; ``check`` looks at the answer's head.

    Errors of what is absent or too large name the document. Raises MalformedCatalogError and what egress does.
    """
    place = redacted(unsigned(address))
    try:
        async with http.request("GET", address, allow=allow, headers={"accept": accept}) as reply:
            check(reply)
            return await reply.read(limit), reply.url
    except AssetNotFoundError as error:
        raise AssetNotFoundError(f"{place}: {error}") from error
    except AssetTooLargeError as error:
        raise MalformedCatalogError(f"{place} has more than {limit} bytes") from error
