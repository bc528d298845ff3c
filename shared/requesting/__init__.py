"""From a planned page to copy requests: what runs and events have in common."""

from shared.requesting.documents import Documents
from shared.requesting.refusals import failure_of
from shared.requesting.requests import copy_requests

__all__ = ["Documents", "copy_requests", "failure_of"]
