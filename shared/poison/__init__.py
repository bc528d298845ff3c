"""What failed for good: kept for ever with its reason, until somebody mends it."""

from shared.poison.choosing import FILTERS, Choice
from shared.poison.dropping import Dropped, Dropping, Kept
from shared.poison.failing import Failing
from shared.poison.listing import Listing
from shared.poison.mending import Mending
from shared.poison.preserving import Preserving
from shared.poison.reading import Poison, PoisonFact, Reading
from shared.poison.reasons import Reasons
from shared.poison.redriving import Order, Outcome, Redriving, Tally, told_of
from shared.poison.sweeping import Sweeping
from shared.poison.walking import Walking

__all__ = [
    "FILTERS",
    "Choice",
    "Dropped",
    "Dropping",
    "Failing",
    "Kept",
    "Listing",
    "Mending",
    "Order",
    "Outcome",
    "Poison",
    "PoisonFact",
    "Preserving",
    "Reading",
    "Reasons",
    "Redriving",
    "Sweeping",
    "Tally",
    "Walking",
    "told_of",
]
