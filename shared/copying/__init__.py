"""Copy requests become verified blobs and ledger rows."""

from shared.copying.budget import MemoryBudget
from shared.copying.delivery import Copying
from shared.copying.describing import Describing
from shared.copying.engine import Engine
from shared.copying.fates import Fates
from shared.copying.hints import Hints
from shared.copying.wholes import Wholes

__all__ = ["Copying", "Describing", "Engine", "Fates", "Hints", "MemoryBudget", "Wholes"]
