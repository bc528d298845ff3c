from typing import override

from shared.storage.blobs import Blob, BlobPath
from shared.storage.items import Items
from tests.fakes import MemoryBlobs

PATH = BlobPath(container="assets", name="collections/s2.json")


class _Overtaken(MemoryBlobs):
    """Somebody else writes the collection right after it was looked for."""

    @override
    async def look(self, path: BlobPath) -> Blob | None:
        found = await super().look(path)
        self.overtakes, overtakes = False, self.overtakes
        if overtakes:
            await Items(self).publish_collection(path, {"a": 1}, dataset="demo", collection="s2", replaces_any=True)
        return found

    overtakes = True


async def test_two_that_write_one_collection() -> None:
    """Who comes second leaves what the first one wrote: both have it from one catalog."""
    blobs = _Overtaken()

    written = await Items(blobs).publish_collection(PATH, {"a": 2}, dataset="demo", collection="s2", replaces_any=True)

    assert (written, blobs.bodies[PATH]) == (False, b'{"a":1}')
