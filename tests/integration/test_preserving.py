"""The hourly pass over poison queues of Azurite, filled as the runtime and strangers fill them."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape

import aiohttp
import pytest
from azure.storage.queue import QueueSasPermissions, TextBase64EncodePolicy, generate_queue_sas

from demo.azurite import ACCOUNT, KEY, Azurite
from shared.model.datasets import Datasets
from shared.model.messages import CopyRequest, Queue
from shared.model.settings import Settings
from shared.poison import Preserving, Reasons, Sweeping
from shared.storage.accounts import Account, open_account
from shared.storage.blobs import AzureBlobs
from shared.storage.creation import QUEUES, create_missing
from shared.storage.failures import AzureFailures
from shared.storage.ledger import AzureLedger, Write
from shared.storage.mailbox import AzureMailbox
from shared.storage.runs import AzureRuns
from tests.unit.model.builders import copy_request, dataset
from tests.unit.poison.preserve_world import completion_of, failed_row

_POISON = Queue.COPY.poison
_JUNK = ("not base64 !!", "", "QQ=", "<a>&amp;", "/w==", "é☃", "x" * 65_536)


@pytest.fixture
async def account(storage: Azurite) -> AsyncGenerator[Account]:
    """An account whose queues are empty."""
    async with open_account(Settings(storage_connection=storage.connection_string)) as account:
        await create_missing(account, containers=[])
        for each in QUEUES:
            await account.queues.get_queue_client(each).clear_messages()
        yield account


@pytest.fixture
def failures(account: Account) -> AzureFailures:
    return AzureFailures(account.tables)


@pytest.fixture
def preserving(account: Account, failures: AzureFailures) -> Preserving:
    """The use case, as the app has it."""
    ledger = AzureLedger(account.table_calls)
    runs = AzureRuns(account.tables, blobs=AzureBlobs(account.blobs, account.blob_calls))
    datasets = Datasets(datasets={"s2": dataset()})
    return Preserving(
        mailbox=AzureMailbox(account.queues),
        reasons=Reasons(failures=failures, ledger=ledger, runs=runs),
        sweeping=Sweeping(datasets=datasets, failures=failures, ledger=ledger, clock=_now),
        clock=_now,
    )


async def test_a_request_of_a_week(account: Account, failures: AzureFailures, preserving: Preserving) -> None:
    """What was sent as the runtime sends it never expires any more, and has its reason."""
    row = failed_row(key="kept")
    asset = copy_request().assets[0].model_copy(update={"key": "kept"})
    request = copy_request(asset)
    await failures.record([row])
    queue = account.queues.get_queue_client(_POISON, message_encode_policy=TextBase64EncodePolicy())
    await queue.send_message(request.encode())

    await preserving.run()

    (found,) = await AzureMailbox(account.queues).peek(_POISON)
    kept = CopyRequest.decode(found.body)
    assert not found.expires
    assert kept.reason is not None
    assert (kept.reason.error, kept.reason.message, kept.reason.at) == (row.error, row.message, row.last_at)
    assert kept.model_copy(update={"reason": None}) == request


async def test_junk(account: Account, storage: Azurite, preserving: Preserving) -> None:
    """What strangers put there by bare requests is kept as it is, whatever it is; a second pass leaves it alone."""
    for each in _JUNK:
        await _put(storage, each)
    mailbox = AzureMailbox(account.queues)

    await preserving.run()
    once = {each.id: (each.text, each.expires) for each in await mailbox.peek(_POISON)}
    await preserving.run()

    assert sorted(once.values()) == sorted((each, False) for each in _JUNK)
    assert {each.id: (each.text, each.expires) for each in await mailbox.peek(_POISON)} == once


async def test_more_than_an_answer_holds(account: Account, preserving: Preserving) -> None:
    """Behind a hundred messages that stay, those of a week are found, and all are visible afterwards."""
    mailbox, client = AzureMailbox(account.queues), account.queues.get_queue_client(_POISON)
    for number in range(100):
        await mailbox.send_as_it_is(_POISON, f"old {number}")
    for number in range(40):
        await client.send_message(f"new {number}")

    await preserving.run()

    found = [each for _ in range(5) for each in await mailbox.receive(_POISON, hidden_for=timedelta(minutes=1))]
    assert len(found) == 140
    assert {each.text for each in found} == {
        *(f"old {each}" for each in range(100)),
        *(f"new {each}" for each in range(40)),
    }
    assert not any(each.expires for each in found)


async def test_failures_that_are_over(account: Account, failures: AzureFailures, preserving: Preserving) -> None:
    """The row of an asset that was copied since is removed, its neighbour's stays."""
    over, present = failed_row(item="s2/over"), failed_row(item="s2/present")
    await failures.record([over, present])
    await AzureLedger(account.table_calls).record([Write(row=completion_of(over))])

    await preserving.run()

    assert (await failures.of_item("s2", "s2/over"), await failures.of_item("s2", "s2/present")) == ([], [present])


def _now() -> datetime:
    return datetime.now(UTC)


async def _put(storage: Azurite, text: str) -> None:
    """Put Message without an SDK, and without a time-to-live."""
    until = _now() + timedelta(hours=1)
    sas = generate_queue_sas(ACCOUNT, _POISON, KEY, permission=QueueSasPermissions(add=True), expiry=until)
    url = f"http://127.0.0.1:{storage.queue_port}/{ACCOUNT}/{_POISON}/messages?{sas}"
    body = f"<QueueMessage><MessageText>{escape(text)}</MessageText></QueueMessage>"
    headers = {"Content-Type": "application/xml", "x-ms-version": "2021-12-02"}
    async with aiohttp.ClientSession() as session, session.post(url, data=body.encode(), headers=headers) as answer:
        assert answer.status == 201, await answer.text()
