"""A copy that was killed goes on where it stopped: over HTTP, on Azurite."""

import hashlib
import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from demo.azurite import Azurite
from shared.copying import Engine, MemoryBudget
from shared.copying.job import Job
from shared.egress import Egress
from shared.model.datasets import Allowlist
from shared.model.settings import Settings
from shared.sources.reading import HttpSources
from shared.storage.accounts import Account, open_account
from shared.storage.blobs import AzureBlobs, Blobs
from tests.fakes.catalogs import as_before
from tests.fakes.faults import Faults, KilledError
from tests.fakes.raw_server import Answer, Asked, RawServer, reply
from tests.fakes.sources import Unsigned
from tests.unit.model.builders import asset, dataset

_BLOCK = 256 * 1024
_BODY = b"II*\0" + bytes(range(251)) * 6000


async def test_a_killed_copy_goes_on_where_it_stopped(server: RawServer, egress: Egress, storage: Azurite) -> None:
    """It asks for what is left alone, under the ETag that it knows; the blob is whole, and its digest is true."""
    server.answers["/a.tif"] = (_served,)
    async with open_account(Settings(storage_connection=storage.connection_string)) as account:
        blobs, job = AzureBlobs(account.blobs, account.blob_calls), await _job(server, account)
        kill = Faults(at=lambda call: call.method == "commit")
        with pytest.raises(KilledError):
            await _engine(egress, kill.watch(blobs)).copy(job)
        server.asked.clear()
        watch = Faults()

        outcome = await _engine(egress, watch.watch(blobs)).copy(job)

        standing, read = await blobs.look(job.path), await blobs.read(job.path)
    asked = [(each.headers.get("range"), each.headers.get("if-match")) for each in server.asked]
    assert asked == [(None, None), (f"bytes={5 * _BLOCK}-{len(_BODY) - 1}", '"v1"')]
    assert [each.method for each in watch.calls] == ["look", "staged", "commit"]
    assert read == _BODY
    assert standing is not None
    assert (outcome.row.etag, outcome.row.digests) == (standing.etag, (_blocks_sha256(),))
    assert standing.md5 is None


async def test_a_killed_copy_that_hashes_the_whole_sends_nothing_again(
    server: RawServer, egress: Egress, storage: Azurite
) -> None:
    """It reads from the first byte, and finds every block in the service's own list, under the id that it computes."""
    server.answers["/a.tif"] = (_served,)
    async with open_account(Settings(storage_connection=storage.connection_string)) as account:
        blobs, job = AzureBlobs(account.blobs, account.blob_calls), await _job(server, account, digests=["sha256"])
        kill = Faults(at=lambda call: call.method == "commit")
        with pytest.raises(KilledError):
            await _engine(egress, kill.watch(blobs)).copy(job)
        server.asked.clear()
        watch = Faults()

        outcome = await _engine(egress, watch.watch(blobs)).copy(job)

        read = await blobs.read(job.path)
    assert [each.headers.get("range") for each in server.asked] == [None]
    assert [each.method for each in watch.calls] == ["look", "staged", "commit"]
    assert read == _BODY
    assert outcome.row.digests == (f"sha256:{hashlib.sha256(_BODY).hexdigest()}",)


def _blocks_sha256() -> str:
    blocks = [hashlib.sha256(_BODY[start : start + _BLOCK]).digest() for start in range(0, len(_BODY), _BLOCK)]
    return f"blocks-sha256:{_BLOCK}:{hashlib.sha256(b''.join(blocks)).hexdigest()}"


def _served(asked: Asked) -> Answer:
    """The file, or the range of it that is asked for."""
    headers = {"ETag": '"v1"', "Content-Type": "image/tiff"}
    found = re.fullmatch(r"bytes=([0-9]+)-([0-9]+)", asked.headers.get("range", ""))
    if found is None:
        return Answer(sent=reply(_BODY, headers=headers))
    first, last = int(found[1]), int(found[2])
    said = {**headers, "Content-Range": f"bytes {first}-{last}/{len(_BODY)}"}
    return Answer(sent=reply(_BODY[first : last + 1], status="206 Partial Content", headers=said))


async def _job(server: RawServer, account: Account, *, digests: Sequence[str] = ()) -> Job:
    container, now = f"c-{uuid.uuid4().hex}", datetime.now(UTC)
    await account.blobs.create_container(container)
    allow = Allowlist(
        hosts=("127.0.0.1",), http_hosts=("127.0.0.1",), ports=(server.port,), private_networks=("127.0.0.1/32",)
    )
    return Job(
        dataset_name="s2",
        dataset=dataset(
            allow=allow,
            catalog={"kind": "manifest", "url": "file:list.csv"},
            destination={"container": container},
            policy={"digests": digests},
        ),
        asset=asset(href=server.url("/a.tif")),
        cause="run-1",
        asked_at=now,
        entry=None,
        deadline=now + timedelta(hours=1),
    )


def _engine(egress: Egress, blobs: Blobs) -> Engine:
    return Engine(
        blobs=blobs,
        sources=HttpSources(egress, Unsigned()),
        budget=MemoryBudget(4 * _BLOCK),
        block_size=_BLOCK,
        clock=lambda: datetime.now(UTC),
        describe=as_before,
    )
