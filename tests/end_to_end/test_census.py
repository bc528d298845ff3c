"""An operator compares what is there with what ought to be, has the rest copied again, and reads blobs again."""

import os
from pathlib import Path

from azure.data.tables import TableClient
from azure.storage.blob import BlobClient

from shared.model.assets import Asset, partition_key, row_key
from tests.end_to_end.operator import Ran, sluice
from tests.end_to_end.pipeline import BLOCK_BYTES, CONTAINER, Pipeline, wait_until


def copied(pipeline: Pipeline, dataset: str, *sizes: int) -> list[Asset]:
    """Let a run copy assets of these sizes."""
    bodies = [os.urandom(each) for each in sizes]
    assets = [pipeline.serve(each, dataset=dataset) for each in bodies]
    pipeline.publish(dataset, assets)
    pipeline.ask("POST", f"datasets/{dataset}/runs")
    wait_until(lambda: pipeline.ask("GET", f"datasets/{dataset}")[1]["run"]["state"] == "complete")
    wait_until(lambda: len(pipeline.rows(*assets)) == len(assets) and pipeline.outstanding() == 0)
    return assets


def overwrite(pipeline: Pipeline, asset: Asset, body: bytes) -> None:
    """Put other bytes in place of a blob, under the metadata that it has."""
    with BlobClient.from_connection_string(pipeline.storage.connection_string, CONTAINER, asset.name) as client:
        client.upload_blob(body, overwrite=True, metadata=client.get_blob_properties().metadata)


def delete_blob(pipeline: Pipeline, asset: Asset) -> None:
    """Let a blob be gone."""
    with BlobClient.from_connection_string(pipeline.storage.connection_string, CONTAINER, asset.name) as client:
        client.delete_blob()


def delete_row(pipeline: Pipeline, asset: Asset, *, dataset: str) -> None:
    """Let a row of the ledger be gone."""
    with TableClient.from_connection_string(pipeline.storage.connection_string, "ledger") as table:
        table.delete_entity(partition_key(dataset, asset.item), row_key(asset.item, asset.key))


def lines(ran: Ran) -> list[str]:
    """What a command has told with ``--output -``."""
    return ran.out.splitlines()


def test_what_is_wrong_is_found_and_mended(pipeline: Pipeline, tmp_path: Path) -> None:
    """A census finds lost, damaged, unrecorded, new and superfluous assets; after ``--fix`` and copying all agree."""
    assets = copied(pipeline, "counted", 100, 200, 300, BLOCK_BYTES + 7, 400, 500)
    no_blob, no_row, damaged, right, over, large = sorted(assets, key=lambda each: each.size or 0)
    clean = sluice(pipeline, "census", "counted", "--json")
    delete_blob(pipeline, no_blob)
    delete_row(pipeline, no_row, dataset="counted")
    overwrite(pipeline, damaged, os.urandom(damaged.size or 0))
    overwrite(pipeline, large, os.urandom(large.size or 0))
    new = pipeline.serve(os.urandom(600), dataset="counted")
    listed = [no_blob, no_row, damaged, large, right, new]
    pipeline.publish("counted", listed)

    shown = sluice(pipeline, "census", "counted")
    fixed = sluice(pipeline, "census", "counted", "--fix", "--output", str(tmp_path / "census.txt"), "--json")
    wait_until(lambda: pipeline.outstanding() == 0 and len(pipeline.rows(*listed)) == 6)
    again = sluice(pipeline, "census", "counted", "--output", "-")
    pipeline.publish("counted", [*listed, over])
    whole = sluice(pipeline, "census", "counted", "--output", str(tmp_path / "census.ndjson"))

    assert (clean.code, clean.value["marks"]["="], clean.value["clean"]) == (0, 6, True)
    marks = {no_blob: "+", no_row: "+", damaged: "*", large: "*", right: "=", over: "-", new: "+"}
    told = [f"{mark} {each.name}" for each, mark in sorted(marks.items(), key=lambda each: each[0].name)]
    assert (tmp_path / "census.txt").read_text(encoding="utf-8").splitlines() == told
    assert (shown.code, f"* {damaged.name}  the blob is md5:" in shown.out.replace("\n", "")) == (1, True)
    *found, summary = fixed.rows
    assert (fixed.code, [f"{each['mark']} {each['blob']}" for each in found]) == (
        1,
        [each for each in told if not each.startswith("=")],
    )
    assert (summary["asked"], summary["marks"]) == (5, {"=": 1, "-": 1, "+": 3, "*": 2, "!": 0})
    assert (again.code, lines(again)) == (
        1,
        sorted([*(f"= {each.name}" for each in listed), f"- {over.name}"], key=lambda line: line[2:]),
    )
    assert (whole.code, len((tmp_path / "census.ndjson").read_text(encoding="utf-8").splitlines())) == (0, 7)
    assert not list(tmp_path.glob("*.part"))


def test_blobs_are_read_again(pipeline: Pipeline) -> None:
    """What was copied has the bytes that the ledger tells of; a blob that was overwritten or lost is found."""
    assets = copied(pipeline, "verified", 100, 200, BLOCK_BYTES + 7, 300)
    overwritten, gone, *right = assets

    good = sluice(pipeline, "verify", "verified", "--all")
    sampled = sluice(pipeline, "verify", "verified", "--sample", "2", "--seed", "7", "--json")
    overwrite(pipeline, overwritten, os.urandom(overwritten.size or 0))
    delete_blob(pipeline, gone)
    bad = sluice(pipeline, "verify", "verified", "--json")
    listed = sluice(pipeline, "verify", "verified", "--all", "--output", "-")

    assert (good.code, f"{sum(each.size or 0 for each in assets):,} bytes read" in good.out) == (0, True)
    assert (sampled.code, sampled.value["marks"]["="], sampled.value["seed"]) == (0, 2, 7)
    *found, summary = bad.rows
    assert {each["blob"]: each["mark"] for each in found} == {overwritten.name: "*", gone.name: "+"}
    assert (bad.code, summary["marks"]) == (1, {"=": 2, "-": 0, "+": 1, "*": 1, "!": 0})
    assert sorted(lines(listed)) == sorted(
        [f"* {overwritten.name}", f"+ {gone.name}", *(f"= {each.name}" for each in right)]
    )


def test_wrong_usage(pipeline: Pipeline, tmp_path: Path) -> None:
    """What can't be is exit code 2, and the sentence names it."""
    unknown = sluice(pipeline, "census", "nowhere")
    unwritable = sluice(pipeline, "census", "verified", "--output", str(tmp_path / "none" / "census.txt"))
    both = sluice(pipeline, "verify", "--all", "--sample", "3")

    assert (unknown.code, "no dataset is called 'nowhere'" in unknown.err) == (2, True)
    assert (unwritable.code, "census.txt: No such file or directory" in unwritable.err) == (2, True)
    assert (both.code, "--all leaves nothing to choose" in both.err) == (2, True)
