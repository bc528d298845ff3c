"""What is asked and answered over HTTP."""

from shared.api.exchange import Answer, Asked, Level, Route, respond
from shared.api.routes import ROUTES

__all__ = ["ROUTES", "Answer", "Asked", "Level", "Route", "respond"]
