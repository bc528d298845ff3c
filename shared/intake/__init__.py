"""Events become copy requests."""

from shared.intake.calls import Call, Handshake
from shared.intake.guards import Guards
from shared.intake.receiving import Intake, Received

__all__ = ["Call", "Guards", "Handshake", "Intake", "Received"]
