from collections.abc import Generator
from pathlib import Path

import pytest

from demo.azurite import Azurite, azurite
from shared.catalogs.kinds import KINDS
from shared.model.kinds import define

define(KINDS)


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Generator[Azurite]:
    """One Azurite for all tests of this process; each test makes containers, queues and tables of its own."""
    with azurite(tmp_path_factory.mktemp("azurite")) as running:
        yield running


@pytest.fixture
def root() -> Path:
    """The project's own folder."""
    return Path(__file__).resolve().parent.parent
