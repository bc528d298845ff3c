"""What an operator asks the ledger: where a file is, all rows, rows that are lost, and what a run came to."""

import os
from pathlib import Path
from typing import Any, cast

from azure.data.tables import TableClient

from shared.ledgers import Line, Outcome
from shared.model.assets import Asset
from tests.end_to_end.operator import sluice
from tests.end_to_end.pipeline import Pipeline, wait_until
from tests.fakes.tables import pa


def run(pipeline: Pipeline, dataset: str, *assets: Asset, missing: int = 0) -> str:
    """Let a run copy these assets of a dataset's manifest, but for so many that there aren't; returns its id."""
    pipeline.publish(dataset, assets)
    _, begun = pipeline.ask("POST", f"datasets/{dataset}/runs")
    wait_until(lambda: pipeline.ask("GET", f"datasets/{dataset}")[1]["run"]["state"] == "complete")
    wait_until(lambda: pipeline.outstanding() == 0 and len(pipeline.rows(*assets)) == len(assets) - missing)
    return str(begun["run"])


def test_a_run_and_its_receipt(pipeline: Pipeline, tmp_path: Path) -> None:
    """Every asset with what became of it, in a table and in lines; a failure inside is never called Completed."""
    bodies = [os.urandom(100 + number) for number in range(6)]
    assets = [pipeline.serve(each, dataset="receipts") for each in bodies]
    gone = pipeline.serve(b"no", dataset="receipts", status="404 Not Found")

    first = run(pipeline, "receipts", *assets[:4])
    second = run(pipeline, "receipts", *assets, gone, missing=1)
    whole = sluice(pipeline, "report", first, "--json")
    in_table = sluice(pipeline, "report", second, "--output", str(tmp_path / "r.parquet"), "--json")
    in_lines = sluice(pipeline, "report", second, "--dataset", "receipts", "--output", "-")

    assert (whole.code, whole.value["status"], whole.value["state"]) == (0, "Completed", None)
    assert (whole.value["assets"]["copied"], whole.value["bytes"]) == (4, sum(map(len, bodies[:4])))
    found = pa.parquet.read_table(tmp_path / "r.parquet").to_pylist()
    lines = [Line.model_validate({**each, "digests": tuple(each["digests"])}) for each in found]
    assert {each.href: (each.outcome, each.bytes, each.error) for each in lines} == {
        **{each.href: (Outcome.SKIPPED, each.size, None) for each in assets[:4]},
        **{each.href: (Outcome.COPIED, each.size, None) for each in assets[4:]},
        gone.href: (Outcome.FAILED, None, "AssetNotFoundError"),
    }
    told = in_table.value["status"], in_table.value["reason"]
    assert (in_table.code, told) == (1, ("CompletedWithErrors", "assets: 1 failed"))
    assert [Line.model_validate(each) for each in in_lines.rows] == lines
    assert (in_lines.code, in_lines.err.strip()) == (1, "CompletedWithErrors: assets: 1 failed")


def test_a_file_is_found(pipeline: Pipeline) -> None:
    """By an address that is signed, and among all rows; a signature is shown nowhere."""
    assets = [pipeline.serve(os.urandom(100), dataset="rebuilt") for _ in range(3)]
    begun = run(pipeline, "rebuilt", *assets)

    exported = sluice(pipeline, "ledger", "export", "rebuilt")
    signed = sluice(pipeline, "ledger", "show", f"{assets[2].href}?sv=1&sig=s3cr3t")
    unknown = sluice(pipeline, "ledger", "show", "https://data.example.org/x?token=s3cr3t", "--json")

    rows = {each["href"]: each for each in exported.rows}
    assert {(rows[each.href]["blob"], rows[each.href]["cause"]) for each in assets} == {
        (each.name, begun) for each in assets
    }
    shown = signed.out.replace("\n", "").replace(" ", "")
    assert (signed.code, assets[2].name in shown, rows[assets[2].href]["digests"][0] in shown) == (0, True, True)
    assert (unknown.code, unknown.value["found"]) == (1, [])
    assert "s3cr3t" not in signed.out + signed.err + unknown.out + unknown.err


def test_a_ledger_that_is_lost(pipeline: Pipeline) -> None:
    """Rows that went away are counted, and come back from the blobs' metadata as they were."""
    items = ("rebuilt/é 1", "rebuilt/é 1", None)
    assets = [pipeline.serve(os.urandom(100), dataset="rebuilt", item=each) for each in items]
    run(pipeline, "rebuilt", *assets)
    before = _rows(pipeline, assets, lose=True)

    counted = sluice(pipeline, "ledger", "rebuild", "rebuilt", "--json")
    meanwhile = pipeline.rows(*assets)
    rebuilt = sluice(pipeline, "ledger", "rebuild", "rebuilt", "--yes", "--prefix", "rebuilt/")

    assert (counted.code, counted.value["blobs"]["missing"], counted.value["written"], meanwhile) == (1, 3, 0, [])
    assert (rebuilt.code, "3 rows were written" in rebuilt.out) == (0, True)
    assert _rows(pipeline, assets) == before


def _rows(pipeline: Pipeline, assets: list[Asset], *, lose: bool = False) -> list[dict[str, Any]]:
    """All properties of the assets' rows but for when they were written; ``lose`` lets them go away."""
    found: list[dict[str, Any]] = []
    with TableClient.from_connection_string(pipeline.storage.connection_string, "ledger") as ledger:
        for each in assets:
            (row,) = cast(
                "list[dict[str, Any]]", list(ledger.query_entities("href eq @href", parameters={"href": each.href}))
            )
            found.append({name: value for name, value in row.items() if name != "completed_at"})
            if lose:
                ledger.delete_entity(row)
    return found
