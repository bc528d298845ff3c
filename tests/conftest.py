from collections.abc import Generator
from pathlib import Path

import pytest

from demo.azurite import Azurite, azurite
from shared.catalogs.kinds import KINDS
from shared.model.kinds import define

define(KINDS)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with modules that may take longest: else one of them runs alone at the end, and a core is idle."""
    patience: dict[str, float] = {}
    for each in items:
        mark = each.get_closest_marker("timeout")
        module = each.nodeid.partition("::")[0]
        patience[module] = max(patience.get(module, 0), mark.args[0] if mark else 0)
    items.sort(key=lambda each: -patience[each.nodeid.partition("::")[0]])


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Generator[Azurite]:
    """One Azurite for all tests of this process; each test makes containers, queues and tables of its own."""
    with azurite(tmp_path_factory.mktemp("azurite")) as running:
        yield running


@pytest.fixture
def root() -> Path:
    """The project's own folder."""
    return Path(__file__).resolve().parent.parent
