from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from shared.catalogs.manifest import ManifestCatalog
from shared.catalogs.stac import StacCatalog
from shared.model.datasets import Datasets, Incremental, load_datasets, matches_host
from shared.model.errors import DatasetsInvalidError, UnknownDatasetError
from shared.model.politeness import Limits
from shared.model.windows import TimeProperty
from tests.unit.model.builders import dataset

_GOOD = """
[datasets.s2]
schedule = "15 3 * * *"
catalog = { kind = "stac", url = "https://stac.example.org", query = { sortby = "id" } }
destination = { container = "assets" }
allow = { hosts = ["*.example.org"] }

[datasets.urls]
catalog = { kind = "manifest", url = "file:urls.tsv" }
destination = { container = "assets", name = "{dataset}/{path}" }
allow = { hosts = ["data.example.org"] }
select = { bbox = [170, -10, -170, 10], datetime = "2024-01-01/.." }
"""


def _file(folder: Path, text: str) -> Path:
    path = folder / "datasets.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_load(tmp_path: Path) -> None:
    """A file is read into datasets, with every default filled in."""
    datasets = load_datasets(_file(tmp_path, _GOOD))

    assert datasets.named("s2").catalog == StacCatalog(
        kind="stac", url="https://stac.example.org", query={"sortby": "id"}
    )
    assert datasets.named("urls").catalog == ManifestCatalog(kind="manifest", url="file:urls.tsv")
    assert datasets.named("urls").allow.ports == (80, 443)


def test_sample(root: Path) -> None:
    """The file that the project comes with can be used."""
    assert "demo" in load_datasets(root / "datasets.toml").datasets


def test_unknown(tmp_path: Path) -> None:
    """An unknown name is answered with those that are defined."""
    datasets = load_datasets(_file(tmp_path, _GOOD))

    with pytest.raises(UnknownDatasetError, match="'s3'; these are defined: s2, urls"):
        datasets.named("s3")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"stac"', '"stack"', ["datasets.s2.catalog: ", "'stack'", "it could be 'stac', 'manifest'"]),
        ('kind = "stac", ', "", ["datasets.s2.catalog: ", "'kind'"]),
        ('"https://stac', '"ftp://stac', ["datasets.s2.catalog.stac.url: ", "found 'ftp://stac.example.org'"]),
        ("15 3 * * *", "15 3 * *", ["datasets.s2.schedule: ", "found '15 3 * *'", "an example: 15 3 * * *"]),
        (
            '"assets" }\nallow = { hosts = ["*.',
            '"A" }\nallow = { hosts = ["*.',
            ["destination.container: ", "found 'A'"],
        ),
        ("{dataset}/{path}", "{dataset}/{nope}", ["datasets.urls.destination.name: ", "{nope}", "collection"]),
        ("*.example.org", "https://example.org", ["datasets.s2.allow.hosts.0: ", "without scheme or port"]),
        ("*.example.org", "example.net", ["datasets.s2: ", "'stac.example.org' isn't allowed", "allow.hosts"]),
        ("[170, -10, -170, 10]", "[170, 10, -170, -10]", ["datasets.urls.select.bbox: ", "south before north"]),
        ("[170, -10, -170, 10]", "[190, 0, 200, 10]", ["datasets.urls.select.bbox: ", "degrees"]),
        ("2024-01-01/..", "2024-01-01", ["datasets.urls.select.datetime: ", "found '2024-01-01'"]),
        ("[datasets.s2]", "[datasets.S2]", ["datasets.S2.[key]: "]),
        ("schedule =", "scedule =", ["datasets.s2.scedule: Extra inputs are not permitted"]),
        (
            'allow = { hosts = ["data.example.org"] }',
            'allow = { hosts = ["a.org"], private_networks = ["10.0.0.1/8"] }\npolicy = { integrity = "no" }',
            ["allow.private_networks.0: ", "policy.integrity: ", "it could be 'require', 'check' or 'log'"],
        ),
        (
            'query = { sortby = "id" }',
            f'query = {{ sortby = "id" }}, page_size = "{"9" * 200}"',
            ["datasets.s2.catalog.stac.page_size: ", "999..."],
        ),
    ],
)
def test_explained(old: str, new: str, said: list[str], tmp_path: Path) -> None:
    """An error names file, dataset and field, what stands there, and what could."""
    assert old in _GOOD
    path = _file(tmp_path, _GOOD.replace(old, new, 1))

    with pytest.raises(DatasetsInvalidError) as raised:
        load_datasets(path)

    assert [each for each in (str(path), *said) if each not in str(raised.value)] == []


@pytest.mark.parametrize("container", ["abc", "a-b", "0" * 63, "a1-b2-c3"])
def test_containers(container: str) -> None:
    """A container is called as Azure allows it."""
    assert dataset(destination={"container": container}).destination.container == container


@pytest.mark.parametrize(
    "container", ["", "ab", "0" * 64, "a-" * 31 + "aa", "A-b", "a--b", "-ab", "ab-", "a_b", "$root"]
)
def test_no_containers(container: str) -> None:
    """What Azure would refuse as a container is refused when the file is read."""
    with pytest.raises(ValidationError, match=r"destination\.container"):
        dataset(destination={"container": container})


@pytest.mark.parametrize(("name", "fits"), [("a", True), ("a-" * 23 + "aa", True), ("a-" * 24 + "a", False)])
def test_dataset_names(name: str, fits: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a case's outcome
    """A dataset's name has 48 characters at most: it stands in messages, rows and blobs."""
    path = _file(tmp_path, _GOOD.replace("[datasets.s2]", f"[datasets.{name}]"))

    if fits:
        assert name in load_datasets(path).datasets
    else:
        with pytest.raises(DatasetsInvalidError, match="at most 48 characters"):
            load_datasets(path)


@pytest.mark.parametrize(("text", "said"), [("[", "is no TOML"), ("", "datasets: Field required")])
def test_no_datasets(text: str, said: str, tmp_path: Path) -> None:
    """What is no TOML, or holds no datasets, is refused."""
    with pytest.raises(DatasetsInvalidError, match=said):
        load_datasets(_file(tmp_path, text))


def test_not_utf8(tmp_path: Path) -> None:
    """Bytes that are no text are no TOML."""
    path = tmp_path / "datasets.toml"
    path.write_bytes(b"\xff")

    with pytest.raises(DatasetsInvalidError, match="is no TOML"):
        load_datasets(path)


def test_missing(tmp_path: Path) -> None:
    """Where there is no file, the error names the setting that points to it."""
    with pytest.raises(DatasetsInvalidError, match="DATASETS_FILE"):
        load_datasets(tmp_path / "datasets.toml")


@pytest.mark.parametrize(
    ("host", "matches"),
    [
        ("example.org", False),
        ("a.example.org", True),
        ("b.a.example.org", True),
        ("badexample.org", False),
        ("data.example.net", True),
        ("x.data.example.net", False),
    ],
)
def test_hosts(host: str, matches: bool) -> None:  # noqa: FBT001 - a case's outcome
    """A pattern with *. stands for all hosts below, and for nothing beside them."""
    assert matches_host(host, ("*.example.org", "data.example.net")) is matches


def test_immutable() -> None:
    """Two datasets share no default that one of them could change."""
    first, second = dataset(), dataset()

    assert isinstance(first.catalog, StacCatalog)
    assert isinstance(second.catalog, StacCatalog)
    assert first.catalog.query is not second.catalog.query
    assert first == second


def test_described() -> None:
    """Every field of a dataset is described in the schema that editors show."""
    definitions = Datasets.model_json_schema()["$defs"]
    undescribed = [
        f"{part}.{field}"
        for part, definition in definitions.items()
        for field, schema in definition.get("properties", {}).items()
        if "description" not in schema and "$ref" not in schema and "const" not in schema
    ]

    # A dataset's own parts are described by their classes.
    assert [each for each in undescribed if not each.startswith("Dataset.")] == []


_NEW: dict[str, Any] = {"schedule": "0 * * * *", "incremental": {}}
_STAC = {"kind": "stac", "url": "https://stac.example.org"}


def test_incremental() -> None:
    """By updates, an hour back, and of everything once a week, unless the dataset says otherwise."""
    assert dataset(**_NEW).incremental == Incremental(
        property=TimeProperty.UPDATED, overlap=timedelta(hours=1), full_schedule="23 2 * * 0"
    )


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"incremental": {}}, "its runs begin by a schedule; add one"),
        (
            {**_NEW, "catalog": {"kind": "manifest", "url": "https://data.example.org/a.csv"}},
            "a manifest has no times; leave it out",
        ),
        ({**_NEW, "incremental": {"property": "modified"}}, "'datetime', 'created', 'updated' or 'published'"),
        ({**_NEW, "incremental": {"overlap": -1}}, "greater than or equal to"),
        ({**_NEW, "incremental": {"full_schedule": "weekly"}}, "no cron expression"),
        (
            {**_NEW, "catalog": {**_STAC, "filter_with": "query", "query": {"query": {"updated": {"lt": "2020"}}}}},
            "asks for updated already",
        ),
        ({**_NEW, "catalog": {**_STAC, "query": {"filter": "a = 1"}}}, "has to be CQL2 as JSON"),
        ({**_NEW, "catalog": {**_STAC, "method": "GET", "query": {"filter": {"op": "="}}}}, "has to be CQL2 as JSON"),
        ({"catalog": {**_STAC, "query": {"datetime": "2024"}}}, "Invalid isoformat string"),
        ({"catalog": {**_STAC, "query": {"datetime": "2024-02-01/2024-01-01"}}}, "since lies after until"),
    ],
)
def test_what_cant_be_asked_for(parts: dict[str, Any], said: str) -> None:
    """A dataset whose runs couldn't ask for what is new, or for a window, is refused when it is read."""
    with pytest.raises(ValidationError, match=said):
        dataset(**parts)


@pytest.mark.parametrize(
    "catalog",
    [
        {"query": {"filter": {"op": "="}}},
        {"query": {"filter": "a = 1"}, "method": "GET"},
        {"query": {"filter": "a = 1"}, "filter_with": "query"},
        {"query": {"query": {"created": {"lt": "2020"}}}, "filter_with": "query"},
        {"query": {"query": {"updated": {"lt": "2020"}}}},
        {"query": {"datetime": None}},
    ],
)
def test_what_can_be_asked_for_beside_it(catalog: dict[str, Any]) -> None:
    """What doesn't get in the way of the window is the dataset's own."""
    assert dataset(**_NEW, catalog={**_STAC, **catalog}).incremental is not None


def test_nothing_is_published_by_default() -> None:
    """Without its table a dataset publishes nothing, and writes into its destination alone."""
    assert dataset().publish is None
    assert dataset().containers == {"assets"}


def test_published_beside_the_assets() -> None:
    """An empty table suffices: items stand in the destination's container, each apart from its assets."""
    defined = dataset(publish={})
    manifest = dataset(publish={}, catalog={"kind": "manifest", "url": "https://stac.example.org/list.csv"})

    assert (defined.items_container, defined.item_template) == ("assets", "{dataset}/items/{collection}/{id}.json")
    assert manifest.item_template == "{dataset}/items/{item}.json"


def test_published_elsewhere() -> None:
    """Items may have a container and names of their own."""
    defined = dataset(publish={"container": "published", "name": "{item}.json"})

    assert (defined.item_template, defined.containers) == ("{item}.json", {"assets", "published"})


@pytest.mark.parametrize(
    "publish",
    [
        {"on_failure": "ignore"},
        {"name": "{key}.json"},
        {"collection_name": "{id}.json"},
        {"base_url": "https://cdn.example.org/?sig=secret"},
        {"base_url": "ftp://cdn.example.org"},
        {"container": "A"},
        {"extra": 1},
    ],
)
def test_published_wrongly(publish: dict[str, object]) -> None:
    """What can't be a name, an address or a choice is refused."""
    with pytest.raises(ValidationError):
        dataset(publish=publish)


def test_limits_of_hosts(tmp_path: Path) -> None:
    """One line in a dataset limits its hosts for all; without it there are none."""
    line = 'polite = { requests_at_once = 4, hosts = ["data.example.org"] }\n'
    limited = _file(tmp_path, _GOOD + line)

    assert load_datasets(limited).budgets == {"data.example.org": Limits(at_once=4)}
    assert load_datasets(_file(tmp_path, _GOOD)).budgets == {}


def test_limits_of_hosts_that_arent_asked(tmp_path: Path) -> None:
    """A host that isn't allowed would never be asked: a slip of the pen."""
    with pytest.raises(DatasetsInvalidError, match=r"polite.hosts: 'data.example.com' isn't allowed; write it as"):
        load_datasets(_file(tmp_path, _GOOD + 'polite = { hosts = ["data.example.com"] }\n'))
