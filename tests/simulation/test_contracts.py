"""The simulated ports pass the contract cases that Azurite and the in-memory twins pass."""

import inspect
import time
from collections.abc import Iterator
from types import ModuleType

import pytest

from shared.storage.blobs import BlobPath, Blobs
from shared.storage.failures import Failures
from shared.storage.ledger import Ledger
from shared.storage.queues import Queues
from tests.contracts import test_blobs, test_failures, test_ledger, test_queues
from tests.simulation.account import Account
from tests.simulation.messages import MessageStore
from tests.simulation.ports import CalledQueues, called_blobs, called_failures, called_ledger

#: Fixtures of a service that is really there.
_REAL = frozenset({"account", "storage", "real"})


class Direct:
    """Makes every call as it is."""

    def port[T](self, port: T, name: str, /) -> T:
        """The port itself."""
        del name
        return port


@pytest.fixture
def simulated() -> Account:
    return Account(messages=MessageStore(time.monotonic))


@pytest.fixture
def blobs(simulated: Account) -> Blobs:
    return called_blobs(simulated.blobs, Direct())


@pytest.fixture
def path() -> BlobPath:
    return BlobPath(container="c", name="a/b~1/c%20d.tif")


@pytest.fixture
def queues(simulated: Account) -> Queues:
    return CalledQueues(simulated.messages, Direct())


@pytest.fixture
def queue() -> str:
    return "q"


@pytest.fixture
def ledger(simulated: Account) -> Ledger:
    return called_ledger(simulated.ledger, Direct())


@pytest.fixture
def failures(simulated: Account) -> Failures:
    return called_failures(simulated.failures, Direct())


def _cases(*modules: ModuleType) -> Iterator[tuple[str, object]]:
    for module in modules:
        of = module.__name__.rpartition(".test_")[2]
        for name, case in vars(module).items():
            if name.startswith("test_") and not _REAL & {*inspect.signature(case).parameters}:
                yield f"test_{of}_{name.removeprefix('test_')}", case


globals().update(_cases(test_blobs, test_failures, test_ledger, test_queues))


def test_cases_were_found() -> None:
    """There are cases of every port."""
    found = {name.split("_")[1] for name, _ in _cases(test_blobs, test_failures, test_ledger, test_queues)}

    assert found == {"blobs", "failures", "ledger", "queues"}
