"""The only way out: HTTP that obeys a dataset's allowlist at the socket.

One ``policy`` an allowlist judges every URL and every redirect; its ``addresses`` judge what a resolver answers and, in
``sockets``, what is connected to. Errors name the host and never the URL, which may be signed.
"""

from shared.egress.client import Egress, Http
from shared.egress.keeper import Keeper
from shared.egress.manners import Manners
from shared.egress.pace import MinimumPace
from shared.egress.policy import Policy
from shared.egress.replies import Reply, check_status, http_date, retry_after
from shared.egress.shares import LEASE_SECONDS, Shares
from shared.egress.statuses import meaning_of

__all__ = [
    "LEASE_SECONDS",
    "Egress",
    "Http",
    "Keeper",
    "Manners",
    "MinimumPace",
    "Policy",
    "Reply",
    "Shares",
    "check_status",
    "http_date",
    "meaning_of",
    "retry_after",
]
