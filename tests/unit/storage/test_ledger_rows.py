"""The ledger's rows against a service that answers in pages of its own making."""

from urllib.parse import parse_qs, urlsplit

import pytest

from shared.model.errors import StorageFailedError
from shared.storage.accounts import Account
from shared.storage.ledger_rows import AzureLedgerRows
from tests.unit.storage.conftest import Answer, Service

_NOTHING = Answer(status=200, body='{"value":[]}')


async def test_an_empty_page_with_a_successor_is_followed(account: Account, service: Service) -> None:
    """Each partition is read to the end of its tokens, also over a page without rows."""
    on = {"x-ms-continuation-NextPartitionKey": "1!p=", "x-ms-continuation-NextRowKey": "1!r&"}
    service.answers = [Answer(status=200, body='{"value":[]}', headers=on), *[_NOTHING] * 32]

    rows = [each async for each in AzureLedgerRows(account.table_calls).all_of("d")]

    asked = [parse_qs(urlsplit(path).query) for _, path in service.requests]
    partitions = [each["$filter"][0].removeprefix("PartitionKey eq ") for each in asked]
    assert rows == []
    assert partitions == ["'d-00'", *(f"'d-{number:02}'" for number in range(32))]
    assert (asked[1]["NextPartitionKey"], asked[1]["NextRowKey"]) == (["1!p="], ["1!r&"])
    assert "NextRowKey" not in asked[2]


async def test_an_answer_that_is_no_json_is_a_failure(account: Account, service: Service) -> None:
    """A page of a proxy is no end of the ledger."""
    service.answers = [Answer(status=200, body="<html>")]

    with pytest.raises(StorageFailedError, match="DecodeError"):
        assert [each async for each in AzureLedgerRows(account.table_calls).all_of("d")]
