"""Sluice's own answers while the demo runs: for the display, not for the verdict."""

import contextlib
import dataclasses
import http
import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

_SECONDS = 10
_COPY_LANES = ("copy", "copy-live", "copy-later")


class NoRunError(RuntimeError):
    """Sluice refused to begin a run."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """How far a run is."""

    #: running, complete, incomplete or failed; empty before it is known.
    state: str
    reason: str | None
    withheld_because: str | None
    #: Assets that were asked for so far.
    sent: int
    #: Messages.
    pages: int
    requests: int
    publishing: int
    poison: int
    copied_assets: int
    copied_bytes: int

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        left = self.pages + self.requests + self.publishing
        return self.state == "failed" or (self.state in {"complete", "incomplete"} and not left)


def start_run(host_url: str, *, dataset: str) -> str:
    """Ask for a run; return its id. Raises NoRunError."""
    url = f"{host_url}/api/datasets/{dataset}/runs"
    status, body = _ask("POST", url, body=b"{}")
    if status != http.HTTPStatus.ACCEPTED:
        raise NoRunError(f"POST {url} answers {status}: {body[:500]!r}")
    return str(json.loads(body)["run"])


def read_snapshot(host_url: str, *, dataset: str) -> Snapshot | None:
    """Ask how far the run is; None while there is no answer, as there is none while a killed worker is replaced."""
    try:
        status, body = _ask("GET", status_url(host_url))
    except (OSError, http.client.HTTPException):
        return None
    return decode_snapshot(json.loads(body), dataset=dataset) if status == http.HTTPStatus.OK else None


def status_url(host_url: str) -> str:
    """Where the status is."""
    return f"{host_url}/api/status"


def decode_snapshot(status: Mapping[str, Any], *, dataset: str) -> Snapshot:
    """Read a status."""
    # {"datasets": {"demo": {"run": {"state": ..., "reason": ..., "withheld_because": ...}, "counts": {"sent": 1, ...},
    #   "copied_today": {"assets": 1, "bytes": 1}}}, "queues": {"copy": {"outstanding": 1, "poison": 0}, ...}}
    part = status["datasets"][dataset]
    run: Mapping[str, Any] = part.get("run") or {}
    counts: Mapping[str, int] = part.get("counts") or {}
    copied: Mapping[str, int] = part.get("copied_today") or {}
    queues = status["queues"]
    return Snapshot(
        state=run.get("state", ""),
        reason=run.get("reason"),
        withheld_because=run.get("withheld_because"),
        sent=counts.get("sent", 0),
        pages=queues["discover"]["outstanding"],
        requests=sum(queues[lane]["outstanding"] for lane in _COPY_LANES),
        poison=sum(each["poison"] for each in queues.values()),
        publishing=queues["publish"]["outstanding"],
        copied_assets=copied.get("assets", 0),
        copied_bytes=copied.get("bytes", 0),
    )


def _ask(method: str, url: str, *, body: bytes | None = None) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=_SECONDS)
    with contextlib.closing(connection):
        connection.request(method, parts.path, body=body, headers={"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
