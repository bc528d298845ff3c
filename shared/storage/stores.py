"""Everything that is kept in the account, each opened once a process."""

import dataclasses
from typing import Self

from shared.model.settings import Settings
from shared.storage.accounts import Account
from shared.storage.activity import AzureActivities
from shared.storage.blob_list import AzureListedBlobs
from shared.storage.blobs import AzureBlobs
from shared.storage.failures import AzureFailures
from shared.storage.holds import AzureHolds
from shared.storage.items import Items
from shared.storage.lanes import AzureLanes
from shared.storage.ledger import AzureLedger
from shared.storage.ledger_rows import AzureLedgerRows
from shared.storage.mailbox import AzureMailbox
from shared.storage.plans import AzureTotals, Plans
from shared.storage.queues import AzureQueues
from shared.storage.runs import NEWEST_PLAN, AzureRuns
from shared.storage.watermarks import AzureWatermarks


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What is kept in the account, each once a process."""

    queues: AzureQueues
    mailbox: AzureMailbox
    runs: AzureRuns
    plans: Plans
    holds: AzureHolds
    watermarks: AzureWatermarks
    ledger: AzureLedger
    rows: AzureLedgerRows
    failures: AzureFailures
    activities: AzureActivities
    lanes: AzureLanes
    blobs: AzureBlobs
    listed: AzureListedBlobs
    items: Items

    @classmethod
    def of(cls, account: Account, *, settings: Settings) -> Self:
        """Those of an account."""
        blobs = AzureBlobs(account.blobs, account.blob_calls, block_check=settings.block_check)
        return cls(
            queues=AzureQueues(account.queues),
            mailbox=AzureMailbox(account.queues),
            runs=AzureRuns(account.tables, blobs=blobs),
            plans=Plans(
                runs=AzureRuns(account.tables, blobs=blobs, row=NEWEST_PLAN), totals=AzureTotals(account.tables)
            ),
            holds=AzureHolds(account.tables),
            watermarks=AzureWatermarks(account.tables),
            ledger=AzureLedger(account.table_calls),
            rows=AzureLedgerRows(account.table_calls),
            failures=AzureFailures(account.tables),
            activities=AzureActivities(account.tables),
            lanes=AzureLanes(account.tables),
            blobs=blobs,
            listed=AzureListedBlobs(account.blobs),
            items=Items(blobs),
        )
