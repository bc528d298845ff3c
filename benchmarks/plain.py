"""A plain loop of azure-storage-blob (``python -m benchmarks.plain``): what one would write first."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator

import aiohttp
from azure.storage.blob.aio import BlobServiceClient

from benchmarks.phases import Phases, run
from benchmarks.workloads import KIB, MIB, File

#: Larger files are handed to the SDK as a stream.
_WHOLE_BYTES = 8 * MIB
#: The SDK's own. It adds what it is given to what it has of a block: given less than a block, it would take minutes.
_BLOCK_BYTES = 4 * MIB
_READ_BYTES = 256 * KIB
#: Blocks of a file that the SDK sends at once.
_BLOCKS_AT_ONCE = 4


async def main(arguments: list[str]) -> None:
    """Copy with the SDK as it is shipped."""
    connection = os.environ["PLAIN_STORAGE"]
    async with (
        BlobServiceClient.from_connection_string(connection) as service,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None), read_bufsize=_READ_BYTES) as session,
    ):

        async def copy(file: File, href: str, container: str) -> None:
            blob = service.get_blob_client(container, file.name)
            async with session.get(href) as response:
                response.raise_for_status()
                if file.size <= _WHOLE_BYTES:
                    await blob.upload_blob(await response.read(), overwrite=True)
                else:
                    blocks = _blocks(response.content, file.size)
                    await blob.upload_blob(blocks, length=file.size, overwrite=True, max_concurrency=_BLOCKS_AT_ONCE)

        await run(Phases.read(arguments), copy)


async def _blocks(content: aiohttp.StreamReader, size: int) -> AsyncGenerator[bytes]:
    for start in range(0, size, _BLOCK_BYTES):
        yield await content.readexactly(min(_BLOCK_BYTES, size - start))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
