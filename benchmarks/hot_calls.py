"""What a hot call costs, three ways: the SDK's client, our call through azure-core's pipeline, bare aiohttp.

``python -m benchmarks.hot_calls`` prints CPU-ms of this process for each call, 32 at once, the ways in turn within each
round, plain and over TLS, against a server of our own that discards what it is sent.
"""

import argparse
import asyncio
import base64
import contextlib
import dataclasses
import hashlib
import io
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import aiohttp
from azure.core import MatchConditions
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import ContentSettings
from azure.storage.queue import TextBase64EncodePolicy

from benchmarks.hot_server import OPERATIONS, hot_server
from shared.model.assets import partition_key, row_key
from shared.model.labels import labels
from shared.model.rows import LedgerRow
from shared.model.settings import Settings
from shared.storage.accounts import Account, open_account
from shared.storage.blobs import AzureBlobs, BlobPath, Content
from shared.storage.bodies import Pieces
from shared.storage.entities import AGAIN, Entity, entity_of
from shared.storage.ledger import AzureLedger, Write
from shared.storage.transactions import CONTENT_TYPE, Operation, refusal, transaction
from tests.fakes.certificates import tls_contexts

_AT_ONCE = 32
_BODY = os.urandom(16 * 1024)
#: A block as it is received.
_PIECES = (os.urandom(128 * 1024),) * 64
_BLOCK_ID = "0" * 64
#: So many times less often is a block sent than a small body.
_LARGE = 20
_MESSAGE = json.dumps({"dataset": "sentinel-2", "assets": ["x" * 140] * 16})
_MOMENT = datetime(2024, 2, 29, 12, tzinfo=UTC)

type Call = Callable[[], Awaitable[object]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=1000, help="calls of each way in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--address", help="of the service to ask: one scheme alone, and no server of our own")
    given = parser.parse_args()
    if given.address:
        asyncio.run(_measure(given.address, calls=given.calls, rounds=given.rounds))
        return
    with tempfile.TemporaryDirectory() as folder:
        tls_contexts(Path(folder))
        certificate = Path(folder) / "server.pem"
        for scheme, presented in (("http", None), ("https", certificate)):
            with hot_server(presented) as port:
                _measure_apart(f"{scheme}://127.0.0.1:{port}/account", trusts=certificate)


def _measure_apart(address: str, *, trusts: Path) -> None:
    """Measure in a process of its own: aiohttp settles whom it trusts when it is imported."""
    command = [sys.executable, "-m", "benchmarks.hot_calls", *sys.argv[1:], "--address", address]
    subprocess.run(command, env={**os.environ, "SSL_CERT_FILE": str(trusts)}, check=True)


async def _measure(address: str, *, calls: int, rounds: int) -> None:
    endpoints = "".join(f"{each}Endpoint={address};" for each in ("Blob", "Queue", "Table"))
    connection = f"DefaultEndpointsProtocol=http;AccountName=account;AccountKey=c2VjcmV0;{endpoints}"
    async with open_account(Settings(storage_connection=connection)) as account, _opened(account) as bare:
        for name, ways in _calls(account, bare).items():
            costs: dict[str, list[float]] = {way: [] for way in ways}
            some = calls // _LARGE if name.startswith("Put Block") else calls
            for call in ways.values():
                await _cost(call, calls=some // 5)
            for _ in range(rounds):
                for way, call in ways.items():
                    costs[way].append(await _cost(call, calls=some))
            _print(f"{address.partition(':')[0]:5} {name:22}", costs)


async def _cost(call: Call, *, calls: int) -> float:
    """CPU-ms of one call."""
    left = itertools.repeat(None, calls)

    async def some() -> None:
        for _ in left:
            await call()

    began = time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(_AT_ONCE):
            group.create_task(some())
    return (time.process_time() - began) * 1000 / calls


def _print(name: str, costs: dict[str, list[float]]) -> None:
    said = "  ".join(
        f"{way} {statistics.median(each):.3f} ({min(each):.3f}-{max(each):.3f})" for way, each in costs.items()
    )
    print(f"{name} {said}  load {os.getloadavg()[0]:.1f}", flush=True)


def _calls(account: Account, bare: "_Bare") -> dict[str, dict[str, Call]]:
    sdk, ours = _Sdk(account), _Ours(account)
    return {
        "Put Blob 16 KiB": {"sdk": sdk.put, "pipeline": ours.put, "bare": bare.put},
        "Put Block 8 MiB": {"sdk, MD5": sdk.stage, "pipeline, CRC64": ours.stage, "bare, CRC64": bare.stage},
        f"transaction of {OPERATIONS}": {"sdk": sdk.record, "pipeline": ours.record, "bare": bare.record},
        "point look-up": {"sdk": sdk.look_up, "pipeline": ours.look_up, "bare": bare.look_up},
        "queue send": {"sdk": sdk.send, "pipeline": ours.send, "bare": bare.send},
    }


def _row(number: int) -> LedgerRow:
    return LedgerRow(
        dataset="sentinel-2",
        item="sentinel-2-l2a/S2B_32TNS_20240229_0_L2A",
        key=f"asset-{number}",
        href=f"https://data.example.org/sentinel-2-l2a/S2B_32TNS_20240229_0_L2A/{number}.tif",
        container="sentinel-2",
        blob=f"sentinel-2-l2a/S2B_32TNS_20240229_0_L2A/{number}.tif",
        etag='"0x8DC390FC1A2B3C4"',
        length=16 * 1024,
        digests=("sha256:" + "0" * 64, "md5:" + "1" * 32),
        verified_by="sha256:" + "0" * 64,
        validator='"abcdef0123456789"',
        description="d" * 64,
        described_at=_MOMENT,
        cause="20240229T120000Z-0a1b2c3d",
        completed_at=_MOMENT,
    )


_ROWS = [_row(number) for number in range(OPERATIONS)]
_PATHS = itertools.cycle([BlobPath(container=each.container, name=each.blob) for each in _ROWS])
_METADATA = labels(_ROWS[0])


def _md5() -> bytes:
    return hashlib.md5(_BODY, usedforsecurity=False).digest()


class _Sdk:
    """The clients of the SDKs, on the same transports."""

    def __init__(self, account: Account) -> None:
        self._blobs = account.blobs
        self._table = account.tables.get_table_client("ledger")
        self._queue = account.queues.get_queue_client("copy", message_encode_policy=TextBase64EncodePolicy())

    async def put(self) -> None:
        path, md5 = next(_PATHS), _md5()
        await self._blobs.get_blob_client(path.container, path.name).upload_blob(
            _BODY,
            overwrite=True,
            transactional_content_md5=md5,
            match_condition=MatchConditions.IfMissing,
            content_settings=ContentSettings(content_type="image/tiff", content_md5=bytearray(md5)),
            metadata=_METADATA,
        )

    async def stage(self) -> None:
        path, body = next(_PATHS), b"".join(_PIECES)
        md5 = await asyncio.to_thread(lambda: hashlib.md5(body, usedforsecurity=False).digest())
        client = self._blobs.get_blob_client(path.container, path.name)
        await client.stage_block(_BLOCK_ID, io.BytesIO(body), length=len(body), transactional_content_md5=md5)

    async def record(self) -> None:
        await self._table.submit_transaction([("create", _entity(each)) for each in _ROWS], **AGAIN)

    async def look_up(self) -> None:
        row = _ROWS[0]
        with contextlib.suppress(ResourceNotFoundError):
            await self._table.get_entity(partition_key(row.dataset, row.item), row_key(row.item, row.key))

    async def send(self) -> None:
        await self._queue.send_message(_MESSAGE, time_to_live=-1, visibility_timeout=0)


class _Ours:
    """The adapters, and for queues what one would do."""

    def __init__(self, account: Account) -> None:
        self._blobs = AzureBlobs(account.blobs, account.blob_calls)
        self._ledger = AzureLedger(account.table_calls)
        self._calls = account.blob_calls

    async def put(self) -> None:
        content = Content(md5=_md5(), media_type="image/tiff", metadata=_METADATA)
        await self._blobs.put(next(_PATHS), (_BODY,), content=content)

    async def stage(self) -> None:
        await self._blobs.stage(next(_PATHS), _PIECES, block_id=_BLOCK_ID)

    async def record(self) -> None:
        await self._ledger.record([Write(row=each) for each in _ROWS])

    async def look_up(self) -> None:
        row = _ROWS[0]
        await self._ledger.of(row.dataset, [(row.item, row.key)])

    async def send(self) -> None:
        headers = {"Content-Type": "application/xml", "Accept": "application/xml"}
        query = "messagettl=-1&visibilitytimeout=0"
        await self._calls.send("POST", "copy/messages", headers=headers, body=_queued(), query=query)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Bare:
    """aiohttp alone: no retries, no tokens, no errors of a kind."""

    session: aiohttp.ClientSession
    #: Where the services are.
    blobs: str
    tables: str
    queues: str

    async def put(self) -> None:
        path, md5 = next(_PATHS), base64.b64encode(_md5()).decode()
        headers = {
            "x-ms-blob-type": "BlockBlob",
            "x-ms-version": "2023-11-03",
            "Content-MD5": md5,
            "x-ms-blob-content-md5": md5,
            "x-ms-blob-content-type": "image/tiff",
            "If-None-Match": "*",
            **{f"x-ms-meta-{name}": value for name, value in _METADATA.items()},
        }
        url = f"{self.blobs}/{path.container}/{quote(path.name)}?sig=abc"
        await self._ask("PUT", url, headers=headers, data=_BODY)

    async def stage(self) -> None:
        path, body = next(_PATHS), Pieces(_PIECES)
        crc64 = base64.b64encode(body.crc64).decode()
        headers = {"x-ms-version": "2023-11-03", "x-ms-content-crc64": crc64, "Content-Length": str(len(body))}
        url = f"{self.blobs}/{path.container}/{quote(path.name)}?comp=block&blockid={_BLOCK_ID}&sig=abc"
        await self._ask("PUT", url, headers=headers, data=body)

    async def record(self) -> None:
        operations = [Operation(entity=_entity(each)) for each in _ROWS]
        body = transaction(operations, table_url=f"{self.tables}/ledger")
        url = f"{self.tables}/$batch?sig=abc"
        answer = await self._ask("POST", url, headers={"Content-Type": CONTENT_TYPE}, data=body)
        assert refusal(answer.decode(), operations=len(operations)) is None

    async def look_up(self) -> None:
        row = _ROWS[0]
        keys = f"(PartitionKey='{partition_key(row.dataset, row.item)}',RowKey='{row_key(row.item, row.key)}')"
        answer = await self._ask("GET", f"{self.tables}/ledger{keys}?sig=abc", headers={}, data=None)
        json.loads(answer)

    async def send(self) -> None:
        url = f"{self.queues}/copy/messages?messagettl=-1&visibilitytimeout=0&sig=abc"
        await self._ask("POST", url, headers={"Content-Type": "application/xml"}, data=_queued())

    async def _ask(self, method: str, url: str, *, headers: dict[str, str], data: bytes | Pieces | None) -> bytes:
        async with self.session.request(method, url, headers=headers, data=data) as answer:
            return await answer.read()


@contextlib.asynccontextmanager
async def _opened(account: Account) -> AsyncGenerator[_Bare]:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        blobs, tables = account.blob_calls.url, account.table_calls.url
        yield _Bare(session=session, blobs=blobs, tables=tables, queues=account.queues.url.rstrip("/"))


def _entity(row: LedgerRow) -> Entity:
    partition, key = partition_key(row.dataset, row.item), row_key(row.item, row.key)
    return entity_of(row, partition=partition, row=key, digests=" ".join(row.digests))


def _queued() -> bytes:
    text = base64.b64encode(_MESSAGE.encode()).decode()
    return f"<QueueMessage><MessageText>{text}</MessageText></QueueMessage>".encode()


if __name__ == "__main__":
    main()
