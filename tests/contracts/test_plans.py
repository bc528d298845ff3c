"""Plans stand beside the runs of their dataset."""

import pytest

from demo.azurite import Azurite
from shared.model.counts import PartCounts
from shared.model.items import Refusal
from shared.model.plans import LargeAsset, PlanTotals, RefusedHost
from shared.model.rows import Run, RunKind
from shared.storage.accounts import Account
from shared.storage.blobs import AzureBlobs
from shared.storage.plans import AzureTotals, Totals
from shared.storage.runs import NEWEST_PLAN, AzureRuns
from tests.contracts.conftest import new_container, new_table
from tests.contracts.rows import MOMENT
from tests.fakes import MemoryTotals

_TOTALS = PlanTotals(
    new=1,
    changed=2,
    unknown_size=3,
    replaced_bytes=2**40,
    pages=1,
    hosts=(RefusedHost(host="a.example.org", assets=2, because="é"),),
    egress={"Azure": 5},
    largest=(LargeAsset(item="a", key="b", bytes=9),),
    refusals=(Refusal(item="a", key="", error="BadNameError", message="no"),),
)


@pytest.fixture
async def totals(real: Account | None) -> Totals:
    return MemoryTotals() if real is None else AzureTotals(real.tables, table=await new_table(real))


async def test_totals_come_back(totals: Totals) -> None:
    """Every field of a page survives."""
    await totals.write("a", "p1", place=(1, 0), totals=_TOTALS)

    assert await totals.total("a", "p1", pass_number=1) == _TOTALS


async def test_totals_of_a_pass_add_up(totals: Totals) -> None:
    """All pages of a pass, each as it was written last; none of another pass, plan or dataset."""
    one = PlanTotals(new=1, pages=1)
    await totals.write("a", "p1", place=(1, 0), totals=PlanTotals(new=100))
    for place in ((1, 0), (1, 12), (2, 0), (11, 0)):
        await totals.write("a", "p1", place=place, totals=one)
    await totals.write("a", "p2", place=(1, 1), totals=one)
    await totals.write("b", "p1", place=(1, 1), totals=one)

    assert await totals.total("a", "p1", pass_number=1) == PlanTotals(new=2, pages=2)
    assert await totals.total("a", "p9", pass_number=1) == PlanTotals()


async def test_plans_and_runs_of_a_dataset_stand_apart(account: Account, storage: Azurite) -> None:
    """In one table, with one newest of each, and totals beside counts."""
    del storage
    table, container = await new_table(account), await new_container(account)
    blobs = AzureBlobs(account.blobs, account.blob_calls)
    runs = AzureRuns(account.tables, blobs=blobs, table=table, container=container)
    plans = AzureRuns(account.tables, blobs=blobs, table=table, container=container, row=NEWEST_PLAN)
    totals = AzureTotals(account.tables, table=table)
    run = Run(dataset="a", run="r1", trigger="schedule", began_at=MOMENT, progress_at=MOMENT)
    plan = run.model_copy(update={"run": "p1", "kind": RunKind.PLAN})

    assert await runs.save(run, replaces=None)
    assert await plans.save(plan, replaces=None)
    await plans.count("a", "p1", place=(1, 0, 0), counts=PartCounts(sent=2, sent_bytes=3))
    await totals.write("a", "p1", place=(1, 0), totals=_TOTALS)

    found = await runs.newest("a"), await plans.newest("a")
    assert [entry and entry.run for entry in found] == [run, plan]
    assert (await plans.total("a", "p1", pass_number=1)).sent_bytes == 3
    assert await totals.total("a", "p1", pass_number=1) == _TOTALS
