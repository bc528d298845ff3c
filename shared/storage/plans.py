"""Plans: a run store of their own, and what their pages came to, a row for each page beside its counts."""

import dataclasses
from typing import Protocol

from azure.data.tables.aio import TableServiceClient
from pydantic import BaseModel, ConfigDict

from shared.model.plans import PlanTotals
from shared.storage.entities import entity_of, put_entity, read_range, values_of
from shared.storage.runs import TABLE, Runs, counts_partition


class Totals(Protocol):
    """What the pages of plans came to. All methods raise StorageFailedError."""

    async def write(self, dataset: str, plan: str, *, place: tuple[int, int], totals: PlanTotals) -> None:
        """Write what a page came to, by its (pass, page), over what stands there."""
        ...

    async def total(self, dataset: str, plan: str, *, pass_number: int) -> PlanTotals:
        """What all pages of a pass came to together."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plans:
    """Where plans stand."""

    runs: Runs
    totals: Totals


class AzureTotals:
    """The totals in the table of runs, as text: nobody asks for a part of them."""

    def __init__(self, service: TableServiceClient, *, table: str = TABLE) -> None:
        self._table = service.get_table_client(table)

    async def write(self, dataset: str, plan: str, *, place: tuple[int, int], totals: PlanTotals) -> None:
        """Write over what stands there."""
        pass_number, page = place
        text = _Text(totals=totals.model_dump_json(exclude_defaults=True))
        row = f"{_prefix(pass_number)}{page:08}"
        await put_entity(self._table, entity_of(text, partition=counts_partition(dataset, plan), row=row))

    async def total(self, dataset: str, plan: str, *, pass_number: int) -> PlanTotals:
        """One query over a pass."""
        total = PlanTotals()
        partition = counts_partition(dataset, plan)
        async for entity in read_range(self._table, partition=partition, prefix=_prefix(pass_number)):
            text = _Text.model_validate(values_of(entity))
            total = total.plus(PlanTotals.model_validate_json(text.totals))
        return total


class _Text(BaseModel):
    model_config = ConfigDict(frozen=True)

    totals: str


def _prefix(pass_number: int) -> str:
    return f"plan-{pass_number:05}-"
