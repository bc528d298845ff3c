"""In-memory twins of the storage ports; they pass the contract tests that the real ones pass on Azurite."""

from tests.fakes.activity import MemoryActivities
from tests.fakes.blobs import MemoryBlobs
from tests.fakes.failures import MemoryFailures
from tests.fakes.holds import MemoryHolds
from tests.fakes.lanes import MemoryLanes
from tests.fakes.ledger import MemoryLedger
from tests.fakes.mailbox import MemoryMailbox
from tests.fakes.plans import MemoryTotals
from tests.fakes.queues import MemoryQueues, Sent
from tests.fakes.runs import MemoryRuns
from tests.fakes.shares import MemoryShares
from tests.fakes.watermarks import MemoryWatermarks

__all__ = [
    "MemoryActivities",
    "MemoryBlobs",
    "MemoryFailures",
    "MemoryHolds",
    "MemoryLanes",
    "MemoryLedger",
    "MemoryMailbox",
    "MemoryQueues",
    "MemoryRuns",
    "MemoryShares",
    "MemoryTotals",
    "MemoryWatermarks",
    "Sent",
]
