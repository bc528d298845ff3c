from collections.abc import Generator

import pytest

from tests.end_to_end.pipeline import Pipeline, open_pipeline


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Generator[Pipeline]:
    """One pipeline for all tests that leave it running; it judges at its end every message that was sent."""
    with open_pipeline(tmp_path_factory.mktemp("pipeline")) as running:
        yield running
