"""Events become copy requests."""

from shared.intake.calls import Call, Handshake
from shared.intake.copies import AskingForCopies, Copies
from shared.intake.guards import Guards
from shared.intake.receiving import Intake, Received

__all__ = ["AskingForCopies", "Call", "Copies", "Guards", "Handshake", "Intake", "Received"]
