"""What docs/operations.md tells people to type does what it says, by the real az CLI on Azurite."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.storage.queue import QueueClient, QueueMessage

from demo.azurite import Azurite
from shared.model.labels import labels
from shared.model.messages import CopyRequest, Queue, Reason
from shared.model.rows import Hold, Run
from shared.model.settings import Settings
from shared.storage.accounts import Account, open_account
from shared.storage.blobs import AzureBlobs, BlobPath, Content
from shared.storage.creation import create_missing
from shared.storage.failures import AzureFailures
from shared.storage.holds import AzureHolds
from shared.storage.ledger import AzureLedger, Write
from shared.storage.mailbox import encoded
from shared.storage.queues import AzureQueues
from shared.storage.runs import AzureRuns
from tests.azure_cli.shell import Line, Shell, lines_of
from tests.contracts.rows import MOMENT, completion, failure
from tests.unit.model.builders import NOON, asset, copy_request

pytestmark = [pytest.mark.timeout(600), pytest.mark.azure_cli]

#: The lines of the document, in order.
_LINES = (
    *("queues", "count", "peek", "decode", "expiring"),
    *("take", "read", "send back"),
    *("take another", "read another", "drop"),
    *("failures", "failures of a class", "run", "hold"),
    *("ledger", "item", "blob", "blobs"),
)
_DATASET = "sentinel-2"
_ROW = completion(
    dataset=_DATASET,
    item="s2/T32",
    href="https://data.example.org/a b.tif",
    container="assets",
    blob=f"{_DATASET}/B02.tif",
)
_OTHER = _ROW.model_copy(update={"dataset": f"{_DATASET}-b"})
_OLD = _ROW.model_copy(update={"key": "B01", "completed_at": MOMENT - timedelta(days=365)})
_FAILED = failure(message="no more", item="s2/T32")
_RUN = Run(dataset=_DATASET, run="run-1", trigger="request", began_at=NOON, progress_at=NOON, reason="because")
_REASON = Reason(error="AssetNotFoundError", message="404", at=NOON)
_FIRST, _SECOND, _THIRD = (
    copy_request(asset(key=key), dataset=_DATASET, reason=_REASON) for key in ("first", "second", "third")
)


@pytest.fixture(scope="module")
def ran(storage: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Line]:
    """Every line of the document, run in order on an account in which something has happened."""
    root = Path(__file__).resolve().parent.parent.parent
    lines = list(lines_of((root / "docs/operations.md").read_text(encoding="utf-8")))
    asyncio.run(_fill(storage))
    shell = Shell(
        tmp_path_factory.mktemp("az"),
        connection_string=storage.connection_string,
        values={
            "DATASET": _DATASET,
            "CLASS": _FAILED.error,
            "ITEM": _ROW.item,
            "CONTAINER": _ROW.container,
            "BLOB": _ROW.blob,
        },
        az=root / ".venv-azure/bin",
    )
    return {name: shell.run(line) for name, line in zip(_LINES, lines, strict=True)}


async def _fill(storage: Azurite) -> None:
    async with open_account(Settings(storage_connection=storage.connection_string)) as account:
        await create_missing(account, containers={"assets"})
        await _fill_queues(account)
        await AzureFailures(account.tables).record([_FAILED, failure(dataset=_OTHER.dataset)])
        for each in (_ROW, _OLD, _OTHER):
            assert await AzureLedger(account.table_calls).record([Write(row=each)]) == []
        blobs = AzureBlobs(account.blobs, account.blob_calls)
        assert await AzureRuns(account.tables, blobs=blobs).save(_RUN, replaces=None)
        hold = Hold(dataset=_DATASET, paused_since=NOON, paused_by="ann")
        assert await AzureHolds(account.tables).save(hold, replaces=None)
        content = Content(md5=None, media_type="image/tiff", metadata=labels(_ROW))
        await blobs.put(BlobPath(container=_ROW.container, name=_ROW.blob), (b"bytes",), content=content)


async def _fill_queues(account: Account) -> None:
    """Two messages that never expire, and one that the runtime moved."""
    queues = AzureQueues(account.queues)
    for each in (_FIRST, _SECOND):
        await queues.send(Queue.COPY.poison, each.encode())
    client = account.queues.get_queue_client(Queue.COPY.poison)
    await client.send_message(encoded(_THIRD.encode()), time_to_live=7 * 24 * 3600)


def _messages(storage: Azurite, queue: str) -> list[QueueMessage]:
    with QueueClient.from_connection_string(storage.connection_string, queue) as client:
        return client.peek_messages(32)


def test_queues_are_listed(ran: Mapping[str, Line]) -> None:
    """All of them, by name."""
    assert ran["queues"].out.split() == sorted(name for each in Queue for name in (each.value, each.poison))


def test_poison_is_counted_peeked_and_decoded(ran: Mapping[str, Line]) -> None:
    """Each message with its times, and its body as it was sent; nothing is changed by that."""
    decoded = [CopyRequest.decode(each.encode()) for each in ran["decode"].out.splitlines()]

    assert ran["count"].out.strip() == "3"
    assert [each[2][:4] == "9999" for each in ran["peek"].rows] == [True, True, False]
    assert {each[3] for each in ran["peek"].rows} == {"0"}
    assert decoded == [_FIRST, _SECOND, _THIRD]
    assert [each[0] for each in ran["expiring"].rows] == [ran["peek"].rows[2][0]]


def test_one_is_sent_back_as_it_was(ran: Mapping[str, Line], storage: Azurite) -> None:
    """The same text, still in Base64, for ever, and once; the original is gone."""
    (sent,) = _messages(storage, Queue.COPY)

    assert CopyRequest.decode(ran["read"].out.encode()) == _FIRST
    assert sent.content == encoded(_FIRST.encode())
    assert sent.expires_on is not None
    assert sent.expires_on.year == 9999


def test_one_is_dropped(ran: Mapping[str, Line], storage: Azurite) -> None:
    """The one that was read, and no other."""
    left = _messages(storage, Queue.COPY.poison)

    assert CopyRequest.decode(ran["read another"].out.encode()) == _SECOND
    assert [each.content for each in left] == [encoded(_THIRD.encode())]


def test_failures_are_those_of_the_dataset(ran: Mapping[str, Line]) -> None:
    """None of a dataset whose name begins with the same; by class the same rows."""
    assert [each[1:] for each in ran["failures"].rows] == [
        [_FAILED.error, _FAILED.item, _FAILED.key, _FAILED.host, _FAILED.message]
    ]
    assert ran["failures of a class"].rows == [[_FAILED.item, _FAILED.key, _FAILED.href]]


def test_a_run_and_what_holds_it(ran: Mapping[str, Line]) -> None:
    """Where the newest run stands, and who paused the dataset."""
    assert ran["run"].out.split() == ["run-1", "running", "2024-06-01T12:00:00Z", "because"]
    assert ran["hold"].rows[0][:2] == ["2024-06-01T12:00:00Z", "ann"]


def test_the_ledger_since_a_time(ran: Mapping[str, Line]) -> None:
    """Rows that were completed since then, of this dataset alone; and an item's files with their sources."""
    assert [each[1:] for each in ran["ledger"].rows] == [[_ROW.item, _ROW.key, _ROW.blob, str(_ROW.length)]]
    assert {tuple(each[:3]) for each in ran["item"].rows} == {(_ROW.container, _ROW.blob, _ROW.href)}


def test_a_blob_says_what_it_is_a_copy_of(ran: Mapping[str, Line]) -> None:
    """By its metadata, percent-encoded; and the dataset's blobs are listed."""
    told: Any = ran["blob"].out.splitlines()

    assert told[:3] == ["https://data.example.org/a%20b.tif", _ROW.item, _ROW.key]
    assert told[4] == _ROW.cause
    assert [each[:2] for each in ran["blobs"].rows] == [[_ROW.blob, "5"]]
