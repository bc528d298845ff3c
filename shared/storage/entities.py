"""Table entities: values as properties, and the few operations that the tables' adapters share."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.data.tables import EdmType, EntityProperty, TableEntity, UpdateMode
from azure.data.tables.aio import TableClient
from pydantic import BaseModel

from shared.storage.answers import status_of, translated

#: A value, or a value with its type.
type Property = str | bool | tuple[int, EdmType]
type Entity = dict[str, Property]

_ABSENT = 404
_CONFLICTS = frozenset({409, 412})
# azure-core repeats no POST whose answer was lost; ours can be: an insert that meets itself is recognised.
AGAIN: Mapping[str, Any] = {"retry_on_methods": frozenset({"GET", "PUT", "POST", "PATCH"})}


def entity_of(model: BaseModel, *, partition: str, row: str, **replaced: str | None) -> Entity:
    """A flat model as an entity; ``replaced`` gives the text of fields that aren't flat.

    Times are ISO text: a table's own type has another precision than Python's. Numbers are 64 bits wide.
    """
    values: dict[str, Any] = {**model.model_dump(mode="json", exclude=set(replaced)), **replaced}
    properties = {name: _property(value) for name, value in values.items() if value is not None}
    return {"PartitionKey": partition, "RowKey": row, **properties}


def values_of(entity: TableEntity) -> dict[str, Any]:
    """The properties of an entity without its keys, as a model takes them."""
    # The SDK's class is a dict without types.
    properties = cast("dict[str, Any]", entity)
    return {name: _plain(value) for name, value in properties.items() if name not in {"PartitionKey", "RowKey"}}


def etag_of(answer: TableEntity | Mapping[str, Any]) -> str:
    """The ETag of an entity as it was read."""
    metadata = answer.metadata if isinstance(answer, TableEntity) else answer
    return str(metadata["etag"])


async def read_entity(table: TableClient, *, partition: str, row: str) -> TableEntity | None:
    """One entity, or None if there is none."""
    with translated(f"table {table.table_name}: read"):
        try:
            return await table.get_entity(partition, row)
        except HttpResponseError as error:
            if status_of(error) == _ABSENT:
                return None
            raise


async def read_range(table: TableClient, *, partition: str, prefix: str) -> AsyncIterator[TableEntity]:
    """The entities of a partition whose row key begins with a prefix that ends in ``-``, over all pages of the answer.

    A page may be empty and have a successor all the same; the SDK's iterator follows to the end.
    """
    query = table.query_entities(
        "PartitionKey eq @partition and RowKey ge @first and RowKey lt @end",
        # The character after "-".
        parameters={"partition": partition, "first": prefix, "end": prefix.removesuffix("-") + "."},
    )
    with translated(f"table {table.table_name}: query"):
        async for entity in query:
            yield entity


async def read_partition(table: TableClient, *, partition: str) -> AsyncIterator[TableEntity]:
    """All entities of a partition, by row; a page of the answer is in memory at a time."""
    query = table.query_entities("PartitionKey eq @partition", parameters={"partition": partition})
    with translated(f"table {table.table_name}: query"):
        async for entity in query:
            yield entity


async def write_entity(table: TableClient, entity: Entity, *, replaces: str | None) -> bool:
    """Insert an entity, or replace the one with this ETag; tell whether it was written or somebody else wrote first."""
    with translated(f"table {table.table_name}: write"):
        try:
            if replaces is None:
                await table.create_entity(entity, **AGAIN)
            else:
                await table.update_entity(
                    entity, UpdateMode.REPLACE, etag=replaces, match_condition=MatchConditions.IfNotModified
                )
        except HttpResponseError as error:
            # 404: the row to replace is gone.
            if status_of(error) in _CONFLICTS or (replaces is not None and status_of(error) == _ABSENT):
                return False
            raise
        return True


async def delete_entity(table: TableClient, *, partition: str, row: str, etag: str) -> bool:
    """Delete the entity with this ETag; tell whether it was this call that did."""
    with translated(f"table {table.table_name}: delete"):
        try:
            await table.delete_entity(partition, row, etag=etag, match_condition=MatchConditions.IfNotModified)
        except HttpResponseError as error:
            if status_of(error) in _CONFLICTS | {_ABSENT}:
                return False
            raise
        return True


async def put_entity(table: TableClient, entity: Entity) -> None:
    """Write an entity over whatever stands there."""
    with translated(f"table {table.table_name}: write"):
        await table.upsert_entity(entity, UpdateMode.REPLACE)


def _property(value: str | float) -> Property:
    if isinstance(value, str | bool):
        return value
    return (int(value), EdmType.INT64)


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, EntityProperty) else value
