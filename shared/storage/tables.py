"""A table that is asked for every asset: point reads, ranges and transactions."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote

from azure.core.exceptions import DecodeError, HttpResponseError
from azure.core.rest import AsyncHttpResponse

from shared.storage.answers import status_of, translated
from shared.storage.bodies import Pieces, body_of
from shared.storage.calls import Calls
from shared.storage.transactions import CONTENT_TYPE, Operation, Refusal, refusal, transaction

_ABSENT = 404
_TOO_LARGE = 413
_JSON = {"Accept": "application/json;odata=minimalmetadata"}
_NEXT = {"NextPartitionKey": "x-ms-continuation-nextpartitionkey", "NextRowKey": "x-ms-continuation-nextrowkey"}
_NOT_OURS = frozenset({"PartitionKey", "RowKey", "Timestamp"})

#: An entity as the service writes it: annotations stand between its properties.
type Found = Mapping[str, Any]


class Table:
    """One table. Keys hold nothing that has to be encoded or escaped. All methods raise StorageFailedError."""

    def __init__(self, calls: Calls, name: str) -> None:
        self._calls = calls
        self.name = name

    async def read(self, partition: str, row: str) -> Found | None:
        """One entity, or None if there is none."""
        with translated(f"table {self.name}: read"):
            # Absence is the rule here, and an exception dear: most look-ups are for what is to be copied yet.
            answer = await self._get(f"(PartitionKey='{partition}',RowKey='{row}')", expected=_ABSENT)
            return None if answer.status_code == _ABSENT else _decoded(answer)

    async def read_range(self, partition: str, prefix: str) -> list[Found]:
        """The entities of a partition whose row key begins with a prefix that ends in ``-``.

        A page may be empty and have a successor all the same: the answer is followed to its end.
        """
        # The character after "-".
        end = prefix.removesuffix("-") + "."
        condition = f"PartitionKey eq '{partition}' and RowKey ge '{prefix}' and RowKey lt '{end}'"
        return [each async for page in self._pages(condition) for each in page]

    async def read_partition(self, partition: str) -> AsyncIterator[Found]:
        """The entities of a partition, in the order of their row keys; one page of the answer is held at a time."""
        async for page in self._pages(f"PartitionKey eq '{partition}'"):
            for each in page:
                yield each

    async def transact(self, operations: Sequence[Operation]) -> Refusal | None:
        """Do all operations or none; the refusal says why none."""
        body = transaction(operations, table_url=f"{self._calls.url}/{self.name}")
        headers = {
            "Content-Type": CONTENT_TYPE,
            "Accept": "application/json",
            "DataServiceVersion": "3.0",
            "MaxDataServiceVersion": "3.0;NetFx",
        }
        with translated(f"table {self.name}: transaction"):
            try:
                answer = await self._calls.send("POST", "$batch", headers=headers, body=body_of(Pieces((body,))))
            except HttpResponseError as error:
                if status_of(error) == _TOO_LARGE:
                    return Refusal(status=_TOO_LARGE, code="RequestBodyTooLarge")
                raise
            try:
                return refusal(answer.content.decode(), operations=len(operations))
            except ValueError as error:
                raise DecodeError(str(error), error=error) from error

    async def _pages(self, condition: str) -> AsyncIterator[list[Found]]:
        query = f"$filter={quote(condition)}"
        more: str | None = ""
        while more is not None:
            with translated(f"table {self.name}: query"):
                answer = await self._get("()", query=query + more)
                found = _listed(_decoded(answer))
                more = _continuation(answer)
            yield found

    async def _get(self, keys: str, *, query: str = "", expected: int | None = None) -> AsyncHttpResponse:
        return await self._calls.send("GET", f"{self.name}{keys}", headers=_JSON, query=query, expected=expected)


def properties_of(entity: Found) -> dict[str, Any]:
    """The properties of an entity without its keys; numbers of 64 bits are text."""
    return {name: value for name, value in entity.items() if "odata." not in name and name not in _NOT_OURS}


def etag_of(entity: Found) -> str:
    """The ETag of an entity as it was read."""
    return str(entity["odata.etag"])


def _decoded(answer: AsyncHttpResponse) -> dict[str, Any]:
    try:
        document = json.loads(answer.content)
    except ValueError as error:
        raise DecodeError("an answer that isn't JSON", error=error) from error
    if not isinstance(document, dict):
        raise DecodeError("an answer that is no object")
    return cast("dict[str, Any]", document)


def _listed(document: Mapping[str, Any]) -> list[Found]:
    if not isinstance(found := document.get("value"), list):
        raise DecodeError("an answer to a query without its entities")
    return cast("list[Found]", found)


def _continuation(answer: AsyncHttpResponse) -> str | None:
    found = {name: answer.headers.get(header) for name, header in _NEXT.items()}
    return "".join(f"&{name}={quote(value, safe='')}" for name, value in found.items() if value) or None
