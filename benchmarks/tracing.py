"""What tracing costs: ``python -m benchmarks.tracing [--absent REVISION]``.

CPU of a delivery of small assets (``benchmarks.hot_delivery``), each time in a process of its own, the ways in turn in
one run: tracing off twice, which shows what chance alone does; on, with no trace sampled; on, with all of them exported
to a server that discards them. ``--absent`` is a revision without tracing, unpacked beside this one.
"""

import argparse
import contextlib
import io
import os
import re
import statistics
import subprocess
import sys
import tarfile
import tempfile
import threading
from collections.abc import Generator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_HERE = Path(__file__).resolve().parent.parent
_COST = re.compile(r"CPU-ms an asset: ([\d.]+)")
_BASE = "off"


def main() -> None:
    """Measure and print medians, and their ratios to tracing that is off."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--absent", help="a revision without tracing")
    parser.add_argument("--bundles", type=int, default=100, help="bundles of 16 assets in a round")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with _collector() as endpoint, _unpacked(given.absent) as absent:
        on = {"PYTHON_ENABLE_OPENTELEMETRY": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
        ways: dict[str, tuple[Path, Mapping[str, str]]] = {
            **({"absent": (absent, {})} if absent else {}),
            _BASE: (_HERE, {}),
            "off again": (_HERE, {}),
            "on, none sampled": (_HERE, {**on, "OTEL_TRACES_SAMPLER": "always_off"}),
            "on, one in 100": (_HERE, {**on, "OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.01"}),
            "on, all": (_HERE, on),
        }
        costs: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(given.rounds):
            for name, (folder, settings) in ways.items():
                costs[name].append(_cost(folder, settings, bundles=given.bundles))
    print(f"CPU-ms an asset, medians of {given.rounds} rounds in turn; load {os.getloadavg()[0]:.1f}")
    for name, found in costs.items():
        ratios = [one / other for one, other in zip(found, costs[_BASE], strict=True)]
        spread = f"{min(found):.3f}-{max(found):.3f}"
        print(f"{name:18} {statistics.median(found):.3f} ({spread})  {statistics.median(ratios):.2f} x off")


def _cost(folder: Path, settings: Mapping[str, str], *, bundles: int) -> float:
    # Nobody's collector by accident.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PYTHON_"))}
    command = [sys.executable, "-m", "benchmarks.hot_delivery", "--rounds", "1", "--bundles", str(bundles)]
    said = subprocess.run(
        command, cwd=folder, env={**environment, **settings}, capture_output=True, text=True, check=True, timeout=300
    )
    found = _COST.search(said.stdout)
    if found is None:
        raise RuntimeError(f"no cost in {said.stdout!r}")
    return float(found[1])


@contextlib.contextmanager
def _collector() -> Generator[str]:
    """Take OTLP and discard it, in this process, whose CPU nobody measures."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Discarding)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Discarding(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""


@contextlib.contextmanager
def _unpacked(revision: str | None) -> Generator[Path | None]:
    if revision is None:
        yield None
        return
    archive = subprocess.run(
        ["git", "archive", revision], cwd=_HERE, capture_output=True, check=True, timeout=60
    ).stdout
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
        yield Path(folder)


if __name__ == "__main__":
    main()
