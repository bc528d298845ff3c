"""Events, sent to the app's address, become blobs."""

import json
import os
import re
import subprocess
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from azure.storage.blob import BlobServiceClient

from demo.azurite import ACCOUNT
from shared.model.assets import Asset
from shared.model.messages import Queue
from tests.end_to_end.pipeline import Pipeline, wait_until
from tests.fakes.raw_server import Answer, reply
from tests.fakes.senders import SECRET
from tests.unit.intake.payloads import blob_data, cloud_event, event_grid, stac_item, subject

_TAKEN: dict[str, Any] = {"accepted": 1, "ignored": 0, "refused": []}


@pytest.fixture
def blob(pipeline: Pipeline) -> Asset:
    """A blob of the watched account, which anybody may read, as the asset that an event makes of it."""
    container, name = f"c-{uuid.uuid4().hex}", "2024/a b.bin"
    with BlobServiceClient.from_connection_string(pipeline.storage.connection_string) as service:
        service.create_container(container, public_access="blob").upload_blob(name, b"written")
    href = f"az://{ACCOUNT}/{container}/{name}"
    return Asset(item=href, key=href, href=href, name=f"watched/{container}/{quote(name)}")


def _written(blob: Asset) -> tuple[dict[str, Any], str]:
    """The data and the subject of the event that tells of a blob."""
    container, _, name = blob.href.removeprefix(f"az://{ACCOUNT}/").partition("/")
    url = f"https://{ACCOUNT}.blob.core.windows.net/{container}/{name}"
    return blob_data(url=url, contentLength=7), subject(name, container=container)


def _is_copied(pipeline: Pipeline, *assets: Asset) -> bool:
    return len(pipeline.rows(*assets)) == len(assets)


@pytest.mark.parametrize("schema", ["event_grid", "cloud_events", "batch"])
def test_a_blob_that_was_written(pipeline: Pipeline, blob: Asset, schema: str) -> None:
    """In Event Grid's schema, as a CloudEvent and as several of them: the blob is copied."""
    data, about = _written(blob)
    one = cloud_event(data, subject=about, id=uuid.uuid4().hex)
    bodies: dict[str, Any] = {
        "event_grid": [event_grid(data, subject=about, id=uuid.uuid4().hex)],
        "cloud_events": one,
        "batch": [one],
    }

    answer = pipeline.tell("watched", bodies[schema])
    wait_until(lambda: _is_copied(pipeline, blob))

    assert answer == (202, _TAKEN)
    assert pipeline.blob(blob)[0] == b"written"


def test_a_repeated_event(pipeline: Pipeline, blob: Asset) -> None:
    """The same event three times is one blob and one row; what is sent again asks nobody but the ledger."""
    data, about = _written(blob)
    event = [event_grid(data, subject=about, id=uuid.uuid4().hex)]
    pipeline.tell("watched", event)
    wait_until(lambda: _is_copied(pipeline, blob))
    position = len(pipeline.wire.exchanges)

    answers = [pipeline.tell("watched", event) for _ in range(2)]
    wait_until(lambda: len(_ledger_reads(pipeline, since=position)) == 2)

    assert answers == [(202, _TAKEN)] * 2
    sends = ("POST", f"{Queue.COPY_LIVE}/messages")
    others = [each for each in pipeline.work(since=position) if each != sends]
    assert {each[1].partition("(")[0] for each in others} == {"ledger"}
    assert len(pipeline.rows(blob)) == len(pipeline.commits(blob)) == 1


def test_an_item_of_stac(pipeline: Pipeline) -> None:
    """Its assets are copied, and it is published once they are."""
    one, other = pipeline.serve(b"one", dataset="told"), pipeline.serve(b"other", dataset="told")
    name = f"i-{uuid.uuid4().hex}"
    item = stac_item(name, assets={"a": {"href": one.href}, "b": {"href": other.href}})

    answer = pipeline.tell("told", item)
    wait_until(lambda: name in _published(pipeline))

    assert answer == (202, {"accepted": 2, "ignored": 0, "refused": []})
    assert [pipeline.blob(each)[0] for each in (one, other)] == [b"one", b"other"]
    assert set(_published(pipeline)[name]["assets"]) == {"a", "b"}


def test_a_list(pipeline: Pipeline) -> None:
    """Files are copied; one that can't be is told, and stops no other."""
    asset = pipeline.serve(b"listed", dataset="told")

    code, answer = pipeline.tell("told", {"assets": [{"url": asset.href, "size": 6}, {"url": "nowhere"}]})
    wait_until(lambda: _is_copied(pipeline, asset))

    assert (code, answer["accepted"], [each["item"] for each in answer["refused"]]) == (
        202,
        1,
        ["asset 2 of the event"],
    )
    assert pipeline.blob(asset)[0] == b"listed"


def test_a_file_that_comes_after_its_event(pipeline: Pipeline) -> None:
    """A 404 is put off in the lane for events, without poison, until the file is there."""
    asset = pipeline.serve(b"late", dataset="told")
    path = asset.href.removeprefix(pipeline.files.url(""))
    there = pipeline.files.answers[path]
    pipeline.files.answers[path] = (Answer(sent=reply(b"", status="404 Not Found")), *there)

    code, _ = pipeline.tell("told", {"assets": [{"url": asset.href}]})
    wait_until(lambda: _is_copied(pipeline, asset))

    failure = pipeline.failure(asset)
    assert code == 202
    assert (failure["error"], failure["fate"], failure["attempts"].value) == ("AssetNotYetFoundError", "defer", 1)
    assert pipeline.gets(asset) == 2
    assert pipeline.poison(Queue.COPY_LIVE, text=asset.href) == []


def test_what_is_no_event(pipeline: Pipeline) -> None:
    """The answer says what is wrong, with a status that tells senders not to send it again."""
    answers = {
        "told": pipeline.tell("told", [event_grid()]),
        "direct": pipeline.tell("direct", {}),
        "nowhere": pipeline.tell("nowhere", {}),
    }

    assert {name: code for name, (code, _) in answers.items()} == {"told": 400, "direct": 404, "nowhere": 404}
    assert answers["direct"][1]["error"] == ("direct takes no events; add [datasets.direct.events] to datasets.toml")


def test_the_lines_of_the_document(pipeline: Pipeline, root: Path) -> None:
    """What docs/intake.md says that a program does, word for word but for the file, and for the dataset's name."""
    asset = pipeline.serve(b"signed", dataset="told")
    (lines,) = re.findall(
        r"^```sh\n(BODY=.*?)^```", (root / "docs/intake.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    ours = lines.replace("http://127.0.0.1:8080/pub/one.txt", asset.href).replace("/events/local", "/events/told")
    environment = {"PATH": os.environ["PATH"], "URL": pipeline.host.url, "KEY": "none", "SECRET": SECRET}

    done = subprocess.run(
        ["bash", "-euc", ours], env=environment, capture_output=True, text=True, timeout=20, check=True
    )
    wait_until(lambda: _is_copied(pipeline, asset))

    assert json.loads(done.stdout) == _TAKEN
    assert pipeline.blob(asset)[0] == b"signed"


def test_an_event_that_nobody_has_signed(pipeline: Pipeline) -> None:
    """It is refused, and nothing is copied."""
    asset = pipeline.serve(b"forged", dataset="told")

    code, _ = pipeline.ask("POST", "events/told", {"assets": [{"url": asset.href}]})

    assert 400 <= code < 500
    assert pipeline.gets(asset) == 0


def _published(pipeline: Pipeline) -> dict[str, Any]:
    """The items of STAC that are published, by their ids."""
    return {each["id"]: each for each in pipeline.published("told") if "id" in each}


def _ledger_reads(pipeline: Pipeline, *, since: int) -> list[tuple[str, str]]:
    return [each for each in pipeline.work(since=since) if each[1].startswith("ledger")]
