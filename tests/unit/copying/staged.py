"""What an attempt leaves behind that didn't end, the ids of its blocks, and the digest of those of one that did."""

import hashlib

import pytest

from shared.copying.blocks import block_id, version_of
from shared.model.errors import StorageFailedError
from tests.fakes.sources import Version
from tests.unit.copying.world import BLOCK, World, path
from tests.unit.model.builders import asset

#: Calls, as a wire names them.
STAGE = "blobs.stage"
READ = "source.read"


def blocks_sha256(body: bytes, *, size: int = BLOCK) -> str:
    """The digest of block digests, as anybody can compute it."""
    blocks = [body[start : start + size] for start in range(0, len(body), size)]
    together = b"".join(hashlib.sha256(each).digest() for each in blocks)
    return f"blocks-sha256:{size}:{hashlib.sha256(together).hexdigest()}"


def ids(body: bytes, *, validator: str | None = 'etag:"1"', chained: bool = True) -> list[str]:
    """The ids that a body's blocks have to have."""
    source = version_of(validator, len(body), href=asset().href, block_size=BLOCK, chained=chained)
    starts = range(0, len(body), BLOCK)
    hashed = [body[0 if chained else start : start + BLOCK] for start in starts]
    return [block_id(source, index, sha256=hashlib.sha256(each).digest()) for index, each in enumerate(hashed)]


async def begin(world: World, served: Version, *, blocks: int) -> None:
    """An attempt that ended when so many blocks were staged, of which nobody remembers anything else."""
    world.serve(asset(), served)
    world.wire.fail("blobs.commit", "before", StorageFailedError("500"))
    with pytest.raises(StorageFailedError):
        await world.engine.copy(world.job(asset()))
    staged = world.blobs.blocks[path(asset())]
    world.blobs.blocks[path(asset())] = dict(list(staged.items())[:blocks])
    world.sources.opened.clear()
    world.sources.rests.clear()
    world.wire.calls.clear()
