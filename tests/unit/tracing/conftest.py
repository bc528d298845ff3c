import pytest

from tests.unit.tracing.spans import Spans


@pytest.fixture
def spans() -> Spans:
    return Spans()
