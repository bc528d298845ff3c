"""The trial of a deployment, on the app in the local host."""

import hashlib
from pathlib import Path

import pytest
from azure.storage.blob import BlobClient

from tests.end_to_end.pipeline import CONTAINER, Pipeline
from tools.smoke import main


@pytest.fixture
def manifest(pipeline: Pipeline, tmp_path: Path) -> Path:
    """Three files of the dataset, and where they go."""
    bodies = (b"one", b"two", b"three")
    assets = {pipeline.serve(each, dataset="smoke"): each for each in bodies}
    pipeline.publish("smoke", assets)
    lines = [f"{asset.href}\t{hashlib.sha256(body).hexdigest()}\t{asset.name}" for asset, body in assets.items()]
    file = tmp_path / "smoke.tsv"
    file.write_text("\n".join(["url\tsha256\tdestination", *lines]) + "\n", encoding="utf-8")
    return file


def options(pipeline: Pipeline, manifest: Path) -> list[str]:
    storage = pipeline.storage.connection_string
    return [pipeline.host.url, "--manifest", str(manifest), "--storage", storage, "--within", "30"]


def test_app_that_works(pipeline: Pipeline, manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An app that works is told from its ledger and from the blobs themselves."""
    code = main(options(pipeline, manifest))

    lines = capsys.readouterr().out.splitlines()
    assert (code, lines[-1]) == (0, "smoke: 3 assets of dataset 'smoke' are read and compared")
    assert lines[-2] == "smoke: run complete: 0 asked for, 3 were there"


def test_blob_with_other_bytes(pipeline: Pipeline, manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A blob that isn't what the manifest states fails the trial."""
    main(options(pipeline, manifest))
    name = manifest.read_text().splitlines()[1].rpartition("\t")[2]
    with BlobClient.from_connection_string(pipeline.storage.connection_string, CONTAINER, name) as blob:
        blob.upload_blob(b"other", overwrite=True)

    code = main(options(pipeline, manifest))

    assert code == 1
    assert f"FAILED: blob assets/{name} has SHA-256" in capsys.readouterr().out


def test_asset_that_is_missing(pipeline: Pipeline, manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A manifest that has more than the run found fails the trial."""
    with manifest.open("a", encoding="utf-8") as file:
        file.write("https://data.example.org/four\tff\tsmoke/four\n")

    code = main(options(pipeline, manifest))

    assert code == 1
    assert "FAILED: the manifest has 4 assets, the run came to" in capsys.readouterr().out


def test_unknown_dataset(pipeline: Pipeline, manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the app says of a dataset that it doesn't know is passed on."""
    code = main([*options(pipeline, manifest), "--dataset", "nowhere"])

    assert code == 1
    assert "answered 404: no dataset is called 'nowhere'" in capsys.readouterr().out


def test_nobody_there(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An address at which nobody listens fails the trial in one line."""
    code = main(["http://127.0.0.1:9", "--manifest", str(manifest)])

    assert code == 1
    assert capsys.readouterr().out.startswith("smoke: FAILED: ")
