"""Checksum files beside assets, read anew for each try: one that is late is another a moment later."""

import dataclasses

from shared.model.datasets import Dataset
from shared.model.errors import AssetNotFoundError
from shared.model.sidecars import checksum_in, sidecar_of
from shared.sources.body import Sources

#: Some thousands of lines.
_MAX_BYTES = 256 * 1024


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """What an asset's checksum file states."""

    #: ``<algorithm>:<hex>``; None where it states nothing.
    digest: str | None
    #: Why it states nothing.
    why: str = ""


async def read_sidecar(sources: Sources, href: str, *, template: str, dataset: Dataset) -> Sidecar:
    """Read the checksum file of an asset.

    One that isn't there or can't be understood states nothing. Raises what ``Sources.open`` raises for every other
    failure: could not tell isn't absent.
    """
    address = sidecar_of(template, href)
    try:
        text = await _text(sources, address, dataset=dataset)
        return Sidecar(digest=checksum_in(text, href=href, template=template))
    except AssetNotFoundError:
        return Sidecar(digest=None, why="there is no checksum file")
    except ValueError as error:
        return Sidecar(digest=None, why=f"the checksum file can't be used: {error}")


async def _text(sources: Sources, address: str, *, dataset: Dataset) -> str:
    body = bytearray()
    async with sources.open(address, dataset=dataset) as source:
        async for chunk in source.chunks():
            body += chunk
            if len(body) > _MAX_BYTES:
                raise ValueError(f"it has more than {_MAX_BYTES // 1024} KiB")
    return body.decode("utf-8", errors="replace")
