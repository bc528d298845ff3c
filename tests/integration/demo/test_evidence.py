import base64
import hashlib
import json
from collections.abc import Generator
from pathlib import Path

import pytest
from azure.data.tables import EdmType, EntityProperty, TableServiceClient
from azure.storage.blob import BlobBlock, BlobServiceClient
from azure.storage.queue import QueueServiceClient

from demo.azurite import Azurite, azurite
from demo.evidence import Evidence, gather, read_rows
from demo.expected import Expected, ExpectedAsset, Misfit
from demo.judge import Check, judge, ledger_keys
from demo.sabotage import Sabotage, damage
from functions_host.events import Event, EventKind

BODIES = {"image": b"small", "quality mask": b"in blocks"}
MISFITS = (
    Misfit(item="c/one", key="lost", error="AssetNotFoundError"),
    Misfit(item="c/one", key="wrong", error="ChecksumMismatchError"),
)
EXPECTED = Expected(
    dataset="demo",
    container="assets",
    items=1,
    assets=tuple(
        ExpectedAsset(
            item="c/one",
            key=key,
            blob=f"c/one/{key.replace(' ', '%20')}",
            size=len(body),
            sha256=hashlib.sha256(body).hexdigest(),
        )
        for key, body in BODIES.items()
    ),
    misfits=MISFITS,
)
EVENTS = [
    Event(kind=EventKind.EXECUTING, queue="copy", message_id="a", dequeue_count=1),
    Event(kind=EventKind.EXECUTING, queue="copy", message_id="a", dequeue_count=2),
    Event(kind=EventKind.EXECUTED, queue="copy", message_id="a", dequeue_count=2),
    Event(kind=EventKind.EXECUTING, queue="discover", message_id="b", dequeue_count=2),
]


@pytest.fixture
def filled(tmp_path: Path) -> Generator[Azurite]:
    """Storage as a run leaves it, filled by the libraries alone."""
    with azurite(tmp_path) as storage:
        etags = fill_blobs(storage.connection_string)
        fill_ledger(storage.connection_string, etags)
        fill_queues(storage.connection_string)
        yield storage


def fill_blobs(connection_string: str) -> dict[str, str]:
    with BlobServiceClient.from_connection_string(connection_string) as service:
        container = service.create_container(EXPECTED.container)
        image, mask = (container.get_blob_client(each.blob) for each in EXPECTED.assets)
        image.upload_blob(BODIES["image"])
        mask.stage_block("AAAA", BODIES["quality mask"])
        mask.commit_block_list([BlobBlock("AAAA")])
        return {each.blob_name: each.get_blob_properties().etag for each in (image, mask)}


def fill_ledger(connection_string: str, etags: dict[str, str]) -> None:
    with TableServiceClient.from_connection_string(connection_string) as service:
        table = service.create_table("ledger")
        for asset in EXPECTED.assets:
            partition, row = ledger_keys("demo", item=asset.item, key=asset.key)
            table.create_entity(
                {
                    "PartitionKey": partition,
                    "RowKey": row,
                    "item": asset.item,
                    "key": asset.key,
                    "container": "assets",
                    "blob": asset.blob,
                    "etag": etags[asset.blob],
                    "length": EntityProperty(asset.size, EdmType.INT64),
                    "digests": f"sha256:{asset.sha256} md5:00",
                }
            )


def fill_queues(connection_string: str) -> None:
    with QueueServiceClient.from_connection_string(connection_string) as service:
        service.create_queue("copy")
        poison = service.create_queue("copy-poison")
        for misfit in MISFITS:
            body = {"assets": [{"item": misfit.item, "key": misfit.key}], "reason": {"error": misfit.error}}
            poison.send_message(base64.b64encode(json.dumps(body).encode()).decode(), time_to_live=-1)


def found(storage: Azurite) -> Evidence:
    rows = read_rows(storage.connection_string)
    return gather(
        storage.connection_string, container="assets", access_log=storage.log, events=EVENTS, rows_at_kill=rows
    )


def failing(checks: tuple[Check, ...]) -> list[str]:
    return [each.claim for each in checks if not each.holds]


def test_sound(filled: Azurite) -> None:
    """What is as expected is found so, and deliveries of copy messages after the first are counted."""
    evidence = found(filled)

    assert failing(judge(EXPECTED, evidence)) == []
    assert evidence.repeated_deliveries == 1
    assert evidence.commits == {"c/one/image": 1, "c/one/quality%20mask": 1}
    assert evidence.outstanding == {"copy": 0}


@pytest.mark.parametrize(
    ("kind", "claim"),
    [
        (Sabotage.BLOB, "the SHA-256 of every blob is the one that was written down before Sluice was started"),
        (Sabotage.ROW, "the ledger has exactly the 2 rows of these assets"),
        (Sabotage.MESSAGE, "2 planned misfits stand in copy-poison with their reasons, for ever"),
    ],
)
def test_sabotage(filled: Azurite, kind: Sabotage, claim: str) -> None:
    """Each damage behind Sluice's back is found."""
    words = damage(kind, connection_string=filled.connection_string, expected=EXPECTED)

    checks = judge(EXPECTED, found(filled))

    assert words.startswith("sabotage: ")
    assert claim in failing(checks)


def test_foreign_message(filled: Azurite) -> None:
    """A message that is none of Sluice's stands in poison without assets or reason, and is objected to."""
    with QueueServiceClient.from_connection_string(filled.connection_string) as service:
        service.get_queue_client("copy-poison").send_message("junk", time_to_live=-1)

    evidence = found(filled)

    assert [(each.assets, each.error) for each in evidence.poison if not each.assets] == [((), None)]
    assert failing(judge(EXPECTED, evidence)) == ["2 planned misfits stand in copy-poison with their reasons, for ever"]
