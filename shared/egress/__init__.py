"""The only way out: HTTP that obeys a dataset's allowlist at the socket.

Every URL and every redirect is judged by ``urls``, every address by ``addresses`` when its socket is opened. Errors
name the host and never the URL, which may be signed.
"""

from shared.egress.client import Egress
from shared.egress.replies import Reply, check_status, http_date, retry_after

__all__ = ["Egress", "Reply", "check_status", "http_date", "retry_after"]
