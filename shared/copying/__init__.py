"""Copy requests become verified blobs and ledger rows."""

from shared.copying.budget import MemoryBudget
from shared.copying.delivery import Copying
from shared.copying.engine import Engine
from shared.copying.fates import Fates

__all__ = ["Copying", "Engine", "Fates", "MemoryBudget"]
