"""An operator mends what failed for good: looks, sends it back, puts it away; by the command line and by HTTP."""

import json
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from shared.model.assets import Asset
from shared.model.messages import Queue
from tests.end_to_end.operator import Ran, sluice
from tests.end_to_end.pipeline import Pipeline, decoded, request_of, wait_until
from tests.fakes.raw_server import Answer, reply


@pytest.fixture
def gone(pipeline: Pipeline) -> Asset:
    """An asset whose file isn't there; its request is poison."""
    asset = pipeline.serve(b"mended", status="404 Not Found")
    pipeline.send("copy", request_of(asset).encode())
    wait_until(lambda: bool(pipeline.poison(Queue.COPY, text=asset.name)))
    return asset


@pytest.fixture
def junk(pipeline: Pipeline) -> str:
    """A word that stands in a message that no function could read."""
    word = uuid.uuid4().hex
    pipeline.send("copy-live", f"junk {word}")
    wait_until(lambda: bool(pipeline.poison(Queue.COPY_LIVE, text=word)))
    return word


def test_a_mended_asset_arrives(pipeline: Pipeline, gone: Asset) -> None:
    """It is found with its reason, sent back once its file is there, copied, and then there is nothing to tell of."""
    listed = _list(pipeline, gone.name)
    failed = sluice(pipeline, "failures", "direct", "--text", gone.href, "--json")
    _serve(pipeline, gone)
    told = sluice(pipeline, "poison", "redrive", "copy", "--text", gone.name)
    assert pipeline.rows(gone) == []
    sent = sluice(pipeline, "poison", "redrive", "copy", "--class", "AssetNotFoundError", "--text", gone.name, "--yes")
    wait_until(lambda: bool(pipeline.rows(gone)))

    assert (listed.code, listed.value["error"], listed.value["assets"][0]["attempts"]) == (1, "AssetNotFoundError", 1)
    assert (failed.code, failed.value["error"], failed.value["href"]) == (1, "AssetNotFoundError", gone.href)
    assert (told.code, told.err.splitlines()[-1]) == (0, "nothing was done: add --yes")
    assert (sent.code, sent.err) == (0, "1 sent back (1 AssetNotFoundError)\n")
    assert pipeline.blob(gone)[0] == b"mended"
    again = sluice(pipeline, "failures", "direct", "--text", gone.href)
    assert (again.code, _list(pipeline, gone.name).code) == (0, 0)


def test_all_about_one_message(pipeline: Pipeline, gone: Asset) -> None:
    """By the beginning of its id, for people; the list for people has that, too."""
    (message,) = pipeline.poison(Queue.COPY, text=gone.name)

    shown = sluice(pipeline, "poison", "show", message.id[:8])
    listed = sluice(pipeline, "poison", "list", "--text", gone.name)

    assert shown.code == 0
    assert f"{message.id} in copy-poison" in shown.out
    assert "answered 404" in shown.out
    assert listed.code == 1
    assert message.id[:8] in listed.out
    assert [each.id for each in pipeline.poison(Queue.COPY, text=gone.name)] == [message.id]


def test_what_is_dropped_can_be_sent_back(pipeline: Pipeline, gone: Asset, tmp_path: Path) -> None:
    """It stands in a file, and in no queue; from the file it is sent, and arrives."""
    path = tmp_path / "dropped.ndjson"

    dropped = sluice(pipeline, "poison", "drop", "--text", gone.name, "--output", str(path), "--yes")
    left = pipeline.poison(Queue.COPY, text=gone.name)
    _serve(pipeline, gone)
    sent = sluice(pipeline, "poison", "redrive", "--from", str(path), "--yes")
    wait_until(lambda: bool(pipeline.rows(gone)))

    assert (dropped.code, left, sent.code) == (0, [], 0)
    assert json.loads(path.read_text(encoding="utf-8"))["error"] == "AssetNotFoundError"


def test_junk_is_not_sent_back(pipeline: Pipeline, junk: str, tmp_path: Path) -> None:
    """It stays and says why, and can be dropped, word by word."""
    path = tmp_path / "dropped.ndjson"
    (before,) = pipeline.poison(Queue.COPY_LIVE, text=junk)

    sent = sluice(pipeline, "poison", "redrive", "--text", junk, "--yes", "--json")
    dropped = sluice(pipeline, "poison", "drop", "--text", junk, "--output", str(path), "--yes")

    assert (sent.code, sent.value["outcome"], sent.value["dataset"]) == (1, "left", None)
    assert sent.value["why"].startswith("no request that this queue carries: ")
    assert (dropped.code, json.loads(path.read_text(encoding="utf-8"))["text"]) == (0, str(before.content))
    assert decoded(before) == f"junk {junk}"
    assert pipeline.poison(Queue.COPY_LIVE, text=junk) == []


def test_wrong_usage(pipeline: Pipeline) -> None:
    """A filter that means nothing is named, and nothing is done."""
    ran = sluice(pipeline, "poison", "redrive", "--since", "soon", "--yes")

    assert (ran.code, ran.err) == (
        2,
        "sluice: since: 'soon' is no time; examples: 2024-06-01T00:00:00Z, 2024-06-01, 12h, 10d\n",
    )


def test_a_mended_asset_arrives_by_http(pipeline: Pipeline, gone: Asset) -> None:
    """The same by two addresses: nothing is sent unless it is asked for."""
    status, listed = pipeline.ask("GET", f"poison?queue=copy&text={gone.name}")
    _serve(pipeline, gone)
    _, told = pipeline.ask("POST", "poison/redrive", {"text": gone.name})
    assert pipeline.rows(gone) == []
    _, sent = pipeline.ask("POST", "poison/redrive", {"text": gone.name, "dry_run": False, "rate": 10})
    wait_until(lambda: bool(pipeline.rows(gone)))

    assert (status, [each["error"] for each in listed["messages"]]) == (200, ["AssetNotFoundError"])
    assert (told["done"], told["dry_run"], sent["done"], sent["dry_run"]) == (1, True, 1, False)
    assert pipeline.poison(Queue.COPY, text=gone.name) == []


def test_an_address_that_means_nothing(pipeline: Pipeline) -> None:
    """400, with the parameter."""
    status, answer = pipeline.ask("GET", "poison?class=no%20class")

    assert (status, answer["field"]) == (400, "class")


def _serve(pipeline: Pipeline, asset: Asset) -> None:
    """Let an asset's file be there."""
    path = urlsplit(asset.href).path
    pipeline.files.answers[path] = (Answer(sent=reply(b"mended", headers={"ETag": '"1"'})),)


def _list(pipeline: Pipeline, text: str) -> Ran:
    return sluice(pipeline, "poison", "list", "--text", text, "--json")
