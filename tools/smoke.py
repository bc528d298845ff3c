"""Tries a deployed or local app by its address: a run of a few assets, then a look whether they are there.

That they are there is told by the app's own ledger (a second run finds each of them copied as described) and, where
``--storage`` says which account it is, by reading the blobs and comparing them with the manifest.
"""

import argparse
import csv
import hashlib
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from azure.core.exceptions import AzureError
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient

_ROOT = Path(__file__).resolve().parent.parent
_POLL_SECONDS = 1.0


class SmokeError(Exception):
    """The app doesn't do what it should; says which step failed."""


def main(arguments: Sequence[str]) -> int:
    """Try the app; return 0 only if every asset is there."""
    options = _parser().parse_args(arguments)
    try:
        expected = read_manifest(options.manifest)
        _check_run(options, expected=len(expected))
        if options.storage:
            _check_blobs(options, expected)
    except (SmokeError, AzureError, OSError) as error:
        print(f"smoke: FAILED: {error}")
        return 1
    read = "read and compared" if options.storage else "in the ledger (not read: no --storage)"
    print(f"smoke: {len(expected)} assets of dataset {options.dataset!r} are {read}")
    return 0


def read_manifest(path: Path) -> dict[str, str]:
    """The SHA-256 of each blob that the manifest asks for."""
    with path.open(encoding="utf-8", newline="") as file:
        return {row["destination"]: row["sha256"] for row in csv.DictReader(file, delimiter="\t")}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.smoke", description=__doc__)
    parser.add_argument("url", help="the app's address, such as https://example.azurewebsites.net")
    parser.add_argument("--key", default=os.environ.get("FUNCTION_KEY"), help="a function key (default: $FUNCTION_KEY)")
    parser.add_argument("--dataset", default="smoke", help="a dataset of the app with a manifest")
    parser.add_argument("--manifest", type=Path, default=_ROOT / "smoke.tsv", help="that manifest")
    parser.add_argument("--storage", help="connection string, or address of the account's blob service (az login)")
    parser.add_argument("--container", default="assets", help="the dataset's container")
    parser.add_argument("--within", type=float, default=300, help="seconds that all this may take")
    return parser


def _check_run(options: argparse.Namespace, *, expected: int) -> None:
    """Run the dataset until a run finds everything there."""
    deadline = time.monotonic() + options.within
    if (status := _ask(options, "GET", "health")[0]) != http.client.OK:
        raise SmokeError(f"GET /api/health answered {status}: see the app's log")
    for counts in _runs(options, deadline=deadline):
        print(f"smoke: run complete: {counts['sent']} asked for, {counts['already']} were there")
        if (counts["sent"] + counts["already"], counts["refused"]) != (expected, 0):
            raise SmokeError(f"the manifest has {expected} assets, the run came to {counts}")
        if counts["already"] == expected:
            return
        time.sleep(_POLL_SECONDS)


def _runs(options: argparse.Namespace, *, deadline: float) -> Iterator[dict[str, int]]:
    """Begin run after run; yield the counts of each once it is complete."""
    path = f"datasets/{options.dataset}"
    while True:
        status, answer = _ask(options, "POST", f"{path}/runs")
        if status not in {http.client.ACCEPTED, http.client.CONFLICT}:
            raise SmokeError(f"POST /api/{path}/runs answered {status}: {answer.get('error', 'no reason')}")
        while (now := _ask(options, "GET", path)[1]).get("run", {}).get("state") == "running":
            if time.monotonic() > deadline:
                raise SmokeError(f"after {options.within:.0f} s not every asset is there: {now}")
            time.sleep(_POLL_SECONDS)
        if now.get("run", {}).get("state") != "complete":
            raise SmokeError(f"the run did not end well: {now}")
        yield now["counts"]
        if time.monotonic() > deadline:
            raise SmokeError(f"after {options.within:.0f} s not every asset is in the ledger: {now['counts']}")


def _ask(options: argparse.Namespace, method: str, path: str) -> tuple[int, dict[str, Any]]:
    """Ask the app; an error's answer is an answer too."""
    headers = {"x-functions-key": options.key} if options.key else {}
    address = f"{options.url.rstrip('/')}/api/{path}"
    request = urllib.request.Request(address, method=method, headers=headers)  # noqa: S310 - the caller's own address
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310 - the same
            return reply.status, _json(reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _json(error.read())


def _json(body: bytes) -> dict[str, Any]:
    try:
        return json.loads(body or b"{}")
    except ValueError:
        return {}


def _check_blobs(options: argparse.Namespace, expected: dict[str, str]) -> None:
    """Read every blob and compare its SHA-256 with the manifest's."""
    with _service(options.storage) as service, service.get_container_client(options.container) as container:
        for name, sha256 in expected.items():
            found = hashlib.sha256(container.download_blob(name).readall()).hexdigest()
            if found != sha256:
                raise SmokeError(f"blob {options.container}/{name} has SHA-256 {found}, the manifest states {sha256}")


def _service(storage: str) -> BlobServiceClient:
    if storage.startswith(("http://", "https://")):
        return BlobServiceClient(storage, credential=DefaultAzureCredential())
    return BlobServiceClient.from_connection_string(storage)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
