import pytest
from azure.core.exceptions import HttpResponseError

from shared.model.errors import StorageFailedError
from shared.storage.accounts import Account
from shared.storage.answers import status_of
from shared.storage.entities import AGAIN
from shared.storage.ledger import AzureLedger, Entry, Ledger, Write
from tests.contracts.conftest import new_table
from tests.contracts.rows import completion, items_of_one_partition

_DATASET = "sentinel-2"
_STALE = "W/\"datetime'2020-01-01T00%3A00%3A00.0000000Z'\""


async def entry(ledger: Ledger, item: str, key: str) -> Entry:
    """The row of one asset."""
    found = await ledger.of(_DATASET, [(item, key)])
    return found[item, key]


async def test_an_asset_without_a_row_is_absent(ledger: Ledger) -> None:
    """No row: not in any answer."""
    assert await ledger.of(_DATASET, [("item", "key")]) == {}
    assert await ledger.of(_DATASET, [("item", "a"), ("item", "b")]) == {}
    assert await ledger.of_items(_DATASET, ["item"]) == {}


async def test_no_question_has_no_answer(ledger: Ledger) -> None:
    """Nothing asked for is nothing found."""
    assert await ledger.of(_DATASET, []) == {}
    assert await ledger.of_items(_DATASET, []) == {}


@pytest.mark.parametrize("validator", ['"abc"', None])
async def test_a_row_comes_back_as_it_was_written(ledger: Ledger, validator: str | None) -> None:
    """Every field survives: microseconds, 64-bit lengths, quotes, long addresses, several digests, absent values."""
    row = completion(validator=validator)

    lost = await ledger.record([Write(row=row)])

    assert lost == []
    assert (await entry(ledger, row.item, row.key)).row == row


async def test_rows_of_one_item_are_found_together(ledger: Ledger) -> None:
    """All rows of an item, or those asked for, and none of another item."""
    rows = [completion(key) for key in ("a", "b", "c")]
    other = completion("a", item="another")
    await ledger.record([Write(row=each) for each in rows])
    await ledger.record([Write(row=other)])

    item = rows[0].item
    some = await ledger.of(_DATASET, [(item, "c"), (item, "a"), (item, "missing")])
    every = await ledger.of_items(_DATASET, [item])

    assert {identity: each.row for identity, each in some.items()} == {(item, "a"): rows[0], (item, "c"): rows[2]}
    assert {identity: each.row for identity, each in every.items()} == {(item, each.key): each for each in rows}


async def test_rows_of_several_items_are_found(ledger: Ledger) -> None:
    """Items of one request may differ: each asset that has a row is found, with the ETag of an own read."""
    items = items_of_one_partition(40)
    rows = [completion(item=each) for each in items]
    await ledger.record([Write(row=each) for each in rows])

    found = await ledger.of(_DATASET, [*((each, "B02") for each in items), ("missing", "B02")])

    assert {identity: each.row for identity, each in found.items()} == {(each.item, "B02"): each for each in rows}
    assert found == await ledger.of_items(_DATASET, [*items, "missing"])


async def test_datasets_are_apart(ledger: Ledger) -> None:
    """The same item of another dataset has rows of its own."""
    row = completion()
    await ledger.record([Write(row=row)])

    assert await ledger.of("landsat", [row_identity := (row.item, row.key)]) == {}
    assert list(await ledger.of(_DATASET, [row_identity])) == [row_identity]


async def test_a_row_is_replaced_by_who_read_it(ledger: Ledger) -> None:
    """With the ETag that was read a row is replaced whole, also the fields that the new one hasn't."""
    await ledger.record([Write(row=completion())])
    read = await entry(ledger, completion().item, "B02")
    newer = completion(description="d2", validator=None)

    lost = await ledger.record([Write(row=newer, replaces=read.etag)])

    assert lost == []
    found = await entry(ledger, newer.item, "B02")
    assert found.row == newer
    assert found.etag != read.etag


async def test_a_row_that_somebody_inserted_is_a_conflict(ledger: Ledger) -> None:
    """An insert (409) loses against the row that stands there."""
    theirs = completion(cause="run-2")
    await ledger.record([Write(row=theirs)])
    mine = Write(row=completion(cause="run-1"))

    assert await ledger.record([mine]) == [mine]
    assert (await entry(ledger, theirs.item, theirs.key)).row == theirs


async def test_a_row_that_somebody_replaced_is_a_conflict(ledger: Ledger) -> None:
    """An update with a stale ETag (412) loses: a worker that stalled for an hour overwrites no newer truth."""
    await ledger.record([Write(row=completion())])
    read = await entry(ledger, completion().item, "B02")
    newer = completion(description="d2")
    await ledger.record([Write(row=newer, replaces=read.etag)])
    mine = Write(row=completion(description="d3"), replaces=read.etag)

    assert await ledger.record([mine]) == [mine]
    assert (await entry(ledger, newer.item, "B02")).row == newer


async def test_a_row_that_went_away_is_a_conflict(ledger: Ledger) -> None:
    """An update of a row that isn't there any more (404) is for the caller to decide."""
    mine = Write(row=completion(), replaces='W/"1"')

    assert await ledger.record([mine]) == [mine]


async def test_a_write_whose_answer_was_lost_finds_its_own_row(ledger: Ledger) -> None:
    """The same completion, written again with the same condition, is a success, though its time differs."""
    first, second = completion("a"), completion("b")
    await ledger.record([Write(row=first), Write(row=second)])
    again = [Write(row=each.model_copy(update={"length": 1})) for each in (first, second)]

    assert await ledger.record(again) == []
    assert await ledger.record(again[:1]) == []
    assert (await entry(ledger, first.item, "a")).row == first


async def test_an_update_whose_answer_was_lost_finds_its_own_row(ledger: Ledger) -> None:
    """The same for an update under the ETag that it has replaced itself."""
    await ledger.record([Write(row=completion())])
    read = await entry(ledger, completion().item, "B02")
    update = Write(row=completion(description="d2"), replaces=read.etag)
    await ledger.record([update])

    assert await ledger.record([update]) == []


@pytest.mark.parametrize("field", ["container", "blob", "etag", "description", "cause"])
async def test_another_completion_is_a_conflict(ledger: Ledger, field: str) -> None:
    """Another blob, description or cause is somebody else's work."""
    await ledger.record([Write(row=completion())])
    mine = Write(row=completion(**{field: "another"}))

    assert await ledger.record([mine]) == [mine]


async def test_one_conflict_does_not_keep_the_others_out(ledger: Ledger) -> None:
    """A conflict fails a whole transaction; done row by row, all others are written."""
    await ledger.record([Write(row=completion("b", cause="run-2"))])
    mine = [Write(row=completion(key)) for key in ("a", "b", "c")]

    lost = await ledger.record(mine)

    assert lost == [mine[1]]
    found = await ledger.of_items(_DATASET, [completion().item])
    assert {identity[1]: each.row.cause for identity, each in found.items()} == {
        "a": "run-1",
        "b": "run-2",
        "c": "run-1",
    }


@pytest.mark.parametrize("stands", [True, False])
async def test_one_stale_row_does_not_keep_the_others_out(ledger: Ledger, *, stands: bool) -> None:
    """The same where a row was replaced (412) or went away (404) since it was read."""
    if stands:
        await ledger.record([Write(row=completion("b", cause="run-2"))])
    mine = [Write(row=completion("a")), Write(row=completion("b"), replaces=_STALE)]

    assert await ledger.record(mine) == [mine[1]]
    assert (await entry(ledger, completion().item, "a")).row == mine[0].row


async def test_a_transaction_mixes_inserts_and_updates(ledger: Ledger) -> None:
    """Rows that are new and rows that were read go together."""
    await ledger.record([Write(row=completion("a"))])
    read = await entry(ledger, completion().item, "a")
    update, insert = completion("a", description="d2"), completion("b")

    lost = await ledger.record([Write(row=update, replaces=read.etag), Write(row=insert)])

    assert lost == []
    found = await ledger.of_items(_DATASET, [update.item])
    assert {each.row.key: each.row for each in found.values()} == {"a": update, "b": insert}


async def test_a_hundred_rows_go_together(ledger: Ledger) -> None:
    """The largest transaction, of the longest rows."""
    rows = [completion(f"key-{number}") for number in range(100)]

    lost = await ledger.record([Write(row=each) for each in rows])

    assert lost == []
    assert len(await ledger.of_items(_DATASET, [rows[0].item])) == 100


@pytest.mark.parametrize(
    "writes",
    [
        [],
        [Write(row=completion(f"key-{number}")) for number in range(101)],
        [Write(row=completion()), Write(row=completion())],
        [Write(row=completion(item=each)) for each in ("one", "another")],
    ],
    ids=["none", "101", "an asset twice", "two partitions"],
)
async def test_what_is_no_transaction_is_a_mistake(ledger: Ledger, writes: list[Write]) -> None:
    """1 to 100 rows of different assets in one partition; anything else is the caller's mistake."""
    with pytest.raises(ValueError, match=r"transaction|partitions"):
        await ledger.record(writes)


async def test_a_query_is_followed_over_all_its_pages(account: Account) -> None:
    """An answer that comes one row a page is read to its end."""
    table = account.tables.get_table_client(await new_table(account))
    ledger = AzureLedger(account.table_calls, table=table.table_name)
    await ledger.record([Write(row=completion(key)) for key in ("a", "b", "c")])

    pages = table.query_entities("PartitionKey ge ''", results_per_page=1).by_page()

    assert [len([each async for each in page]) async for page in pages] == [1, 1, 1]


async def test_a_missing_table_is_an_error(account: Account) -> None:
    """A table that isn't there is no place to write to, and no empty answer to a query."""
    ledger = AzureLedger(account.table_calls, table="nowhere")
    rows = [Write(row=completion("a")), Write(row=completion("b"))]

    with pytest.raises(StorageFailedError, match="404"):
        await ledger.record(rows[:1])
    with pytest.raises(StorageFailedError, match="404"):
        await ledger.of_items(_DATASET, ["item"])


@pytest.mark.parametrize("key", ["a/b", "a\\b", "a#b", "a?b", "a\tb"])
async def test_keys_with_such_characters_are_refused(account: Account, key: str) -> None:
    r"""Why rows have digests as keys: / \ # ? and control characters can't stand in one (400)."""
    table = account.tables.get_table_client(await new_table(account))

    with pytest.raises(HttpResponseError) as refused:
        await table.create_entity({"PartitionKey": "p", "RowKey": key}, **AGAIN)

    assert status_of(refused.value) == 400


async def test_a_text_of_more_than_32_ki_characters_is_refused(account: Account) -> None:
    """Why texts are cut: a property has 32 Ki characters at most (400)."""
    table = account.tables.get_table_client(await new_table(account))

    with pytest.raises(HttpResponseError) as refused:
        await table.create_entity({"PartitionKey": "p", "RowKey": "r", "text": "x" * 40_000})

    assert status_of(refused.value) == 400
