import pytest

from shared.model.assets import partition_key, row_key
from shared.model.errors import StorageFailedError
from shared.model.rows import LedgerRow
from shared.storage.accounts import Account
from shared.storage.ledger import AzureLedger, Ledger, Write
from shared.storage.ledger_rows import AzureLedgerRows, LedgerRows
from tests.contracts.conftest import new_table
from tests.contracts.rows import completion, items_of_one_partition
from tests.fakes import MemoryLedger

_DATASET = "sentinel-2"

type Both = tuple[Ledger, LedgerRows]


@pytest.fixture
async def both(real: Account | None) -> Both:
    """A ledger to write to, and its rows."""
    if real is None:
        memory = MemoryLedger()
        return memory, memory
    table = await new_table(real)
    return AzureLedger(real.table_calls, table=table), AzureLedgerRows(real.table_calls, table=table)


def short(item: str, key: str = "B02", *, dataset: str = _DATASET) -> LedgerRow:
    """A row that is quickly written."""
    return completion(key, dataset=dataset, item=item, href="https://data.example.org/a.tif")


def place(row: LedgerRow) -> tuple[str, str]:
    """Where a row stands."""
    return partition_key(row.dataset, row.item), row_key(row.item, row.key)


async def test_a_dataset_without_rows_has_none(both: Both) -> None:
    """Nothing was copied yet."""
    _, rows = both

    assert [each async for each in rows.all_of(_DATASET)] == []


async def test_all_rows_come_in_the_order_in_which_they_are_stored(both: Both) -> None:
    """Over all partitions, each row once, as it was written and with the ETag of its write."""
    ledger, rows = both
    written = [short(f"item-{number}", key) for number in range(40) for key in ("a", "b")]
    for each in written:
        await ledger.record([Write(row=each)])

    found = [each async for each in rows.all_of(_DATASET)]

    assert len({partition_key(_DATASET, each.item) for each in written}) > 20
    assert [each.row for each in found] == sorted(written, key=place)
    assert await ledger.of(_DATASET, [(found[0].row.item, found[0].row.key)]) == {
        (found[0].row.item, found[0].row.key): found[0]
    }


@pytest.mark.parametrize("other", ["sentinel", "sentinel-2-05", "sentinel-2-05-x", "sentinel-20"])
async def test_another_datasets_rows_do_not_come(both: Both, other: str) -> None:
    """Also of a dataset whose partitions lie between those of this one."""
    ledger, rows = both
    for number in range(12):
        await ledger.record([Write(row=short(f"item-{number}", dataset=other))])
    await ledger.record([Write(row=short("mine"))])

    assert [each.row async for each in rows.all_of(_DATASET)] == [short("mine")]


async def test_more_rows_than_a_page_has(both: Both) -> None:
    """A page has a thousand: the answer is followed by its token to the end."""
    ledger, rows = both
    item = items_of_one_partition(1)[0]
    written = [short(item, f"key-{number}") for number in range(1100)]
    for first in range(0, len(written), 100):
        await ledger.record([Write(row=each) for each in written[first : first + 100]])

    assert [each.row async for each in rows.all_of(_DATASET)] == sorted(written, key=place)


async def test_a_missing_table_is_an_error(account: Account) -> None:
    """A table that isn't there is no empty ledger."""
    rows = AzureLedgerRows(account.table_calls, table="nowhere")

    with pytest.raises(StorageFailedError, match="404"):
        assert [each async for each in rows.all_of(_DATASET)] == []
