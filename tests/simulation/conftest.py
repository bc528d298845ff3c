import logging
from collections.abc import Generator

import pytest


@pytest.fixture(autouse=True)
def quiet() -> Generator[None]:
    """The pipeline logs each failure, and there are many."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(before)
