"""Several hosts with a worker each on the same queues, as an app has that is scaled out; who dies is replaced."""

import contextlib
import dataclasses
import random
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path

import psutil

from demo.azurite import Azurite
from demo.host import Running, functions_host
from demo.processes import StartError
from tests.chaos.storm.deaths import Death, Kill, is_alive, kill_group, tell, worker_of
from tests.chaos.storm.plan import SECRETS
from tests.chaos.storm.points import Point
from tests.end_to_end.exchanges import Caller
from tests.fakes.senders import SECRET, SECRET_SETTING

LEASE_SECONDS = 2.0
#: The host of a deployment that is older: its blocks have another size.
OLD = 1
GRACES = (0.0, 1.0, 5.0)

_ROOT = Path(__file__).resolve().parent.parent.parent.parent
_QUEUES = "AzureFunctionsJobHost__extensions__queues"
_LOOK_SECONDS = 0.05
_END_SECONDS = 30.0


@dataclasses.dataclass(slots=True, kw_only=True)
class _Slot:
    """A place for a host."""

    number: int
    root: Path
    running: Running | None = None
    starts: int = 0
    logs: list[Path] = dataclasses.field(default_factory=list[Path])


class Fleet:
    """The hosts, each in a slot with doors of its own."""

    def __init__(
        self,
        directory: Path,
        *,
        storage: Azurite,
        account: Callable[[int, Caller], str],
        slots: int,
        install: Callable[[Path], None],
        leases: Callable[[], float] = lambda: LEASE_SECONDS,
    ) -> None:
        """``account``: the connection string of a slot's host or app. ``install`` finishes an app's folder."""
        self.kills: list[Kill] = []
        #: Hosts that ended by themselves, as the real one does after some errors of storage.
        self.crashes = 0
        self._directory = directory
        self._storage = storage
        self._account = account
        self._install = install
        self._leases = leases
        self._ending = threading.Event()
        #: The logs of hosts that the storm has ended.
        self._doomed: set[Path] = set()
        self._slots = [_Slot(number=number, root=directory / f"app-{number}") for number in range(slots)]

    @contextlib.contextmanager
    def run(self) -> Generator["Fleet"]:
        """Keep a host in each slot until the block ends; enter when the first one takes requests."""
        for slot in self._slots:
            self._deploy(slot)
        threads = [threading.Thread(target=self._keep, args=(each,), daemon=True) for each in self._slots]
        try:
            for thread in threads:
                thread.start()
                self._wait_for_first()
            yield self
        finally:
            self._ending.set()
            for thread in threads:
                thread.join(_END_SECONDS)

    @property
    def logs(self) -> Sequence[Path]:
        """The events of all hosts that there were."""
        return [each for slot in self._slots for each in slot.logs]

    @property
    def texts(self) -> Sequence[Path]:
        """What all hosts and workers wrote for people."""
        return [each.with_suffix(".log") for each in self.logs]

    def url(self, chance: random.Random) -> str | None:
        """The address of any host that runs."""
        running = [each.running for each in self._slots if each.running is not None]
        return chance.choice(running).url if running else None

    def hosts(self) -> Sequence[Running]:
        """Those that run now."""
        return [each.running for each in self._slots if each.running is not None]

    def worker(self) -> psutil.Process | None:
        """The worker of the first host."""
        running = self._slots[0].running
        pid = worker_of(running.pid) if running is not None else None
        return None if pid is None else psutil.Process(pid)

    def execute(self, slot: int, point: Point) -> bool:
        """Kill who has reached a point."""
        if point.is_of_host:
            return self._kill_host(self._slots[slot], point=point)
        return self._kill_worker(self._slots[slot], point=point)

    def kill_any(self, chance: random.Random) -> bool:
        """Kill some worker; False where none runs."""
        slots = [each for each in self._slots if each.running is not None]
        return bool(slots) and self._kill_worker(chance.choice(slots), point=None)

    def terminate_any(self, chance: random.Random, *, grace_seconds: float) -> bool:
        """Tell some host to stop, and kill it with its worker once the grace is over."""
        slots = [each for each in self._slots if each.running is not None]
        if not slots:
            return False
        slot = chance.choice(slots)
        running = slot.running
        if running is None:
            return False
        self._doomed.add(running.log_json)
        if not tell(running.pid, signal.SIGTERM):
            return False
        at, deadline = time.time(), time.monotonic() + grace_seconds
        while time.monotonic() < deadline and is_alive(running.pid):
            time.sleep(_LOOK_SECONDS)
        is_hard = kill_group(running.pid)
        self.kills.append(
            Kill(
                at=at,
                slot=slot.number,
                death=Death.TERMINATED,
                log_json=running.log_json,
                grace_seconds=grace_seconds,
                is_hard=is_hard,
            )
        )
        return True

    def counts(self) -> Counter[Death]:
        """How many died how."""
        return Counter(each.death for each in self.kills)

    def _kill_worker(self, slot: _Slot, *, point: Point | None) -> bool:
        running = slot.running
        worker = worker_of(running.pid) if running is not None else None
        if running is None or worker is None or not tell(worker, signal.SIGKILL):
            return False
        name = point.name if point else None
        self.kills.append(
            Kill(at=time.time(), slot=slot.number, death=Death.WORKER, log_json=running.log_json, point=name)
        )
        return True

    def _kill_host(self, slot: _Slot, *, point: Point) -> bool:
        running = slot.running
        if running is None:
            return False
        self._doomed.add(running.log_json)
        if not kill_group(running.pid):
            return False
        self.kills.append(
            Kill(at=time.time(), slot=slot.number, death=Death.HOST, log_json=running.log_json, point=point.name)
        )
        return True

    def _keep(self, slot: _Slot) -> None:
        """Run one host after the other in a slot."""
        while not self._ending.is_set():
            slot.starts += 1
            log_json = self._directory / f"host-{slot.number}-{slot.starts}.jsonl"
            slot.logs.append(log_json)
            log_json.touch()
            log_json.with_suffix(".log").touch()
            host = functions_host(
                slot.root,
                storage=self._storage,
                environment=self._settings(slot),
                log_json=log_json,
                lease_seconds=self._leases(),
            )
            # A port that was taken meanwhile, or a storage that fails at once: the next one has better luck.
            with contextlib.suppress(StartError), host as running:
                slot.running = running
                self._wait_for_end(running)
                slot.running = None

    def _wait_for_end(self, running: Running) -> None:
        while not self._ending.wait(_LOOK_SECONDS):
            if not is_alive(running.pid):
                self.crashes += running.log_json not in self._doomed
                return

    def _wait_for_first(self) -> None:
        deadline = time.monotonic() + _END_SECONDS
        while not self.hosts():
            assert time.monotonic() < deadline, "no host has started"
            time.sleep(_LOOK_SECONDS)

    def _deploy(self, slot: _Slot) -> None:
        """Put the app into a folder as a deployment does."""
        slot.root.mkdir()
        for name in ("function_app.py", "host.json"):
            shutil.copy(_ROOT / name, slot.root)
        shutil.copytree(_ROOT / "shared", slot.root / "shared", ignore=shutil.ignore_patterns("__pycache__"))
        self._install(slot.root)

    def _settings(self, slot: _Slot) -> Mapping[str, str]:
        """Small batches, so that each host gets some of the messages; short waits."""
        is_first = (slot.number, slot.starts) == (0, 1)
        return {
            "FUNCTIONS_WORKER_RUNTIME": "python",
            # The host looks under the longer name first, the app under the shorter one only.
            "AzureWebJobsSluiceStorage": self._account(slot.number, Caller.HOST),
            "SluiceStorage": self._account(slot.number, Caller.APP),
            # In Azure the deployment makes them.
            "STORAGE_CREATE_MISSING": "true" if is_first else "false",
            "DATASETS_FILE": "datasets.toml",
            "DISCOVER_SCHEDULE": "0 0 0 1 1 *",
            "AzureWebJobs.discover_on_schedule.Disabled": "true",
            "AzureWebJobs.preserve_poison.Disabled": "true",
            "DISCOVER_INSTANCES": str(len(self._slots)),
            "DISCOVER_RECHECK_SECONDS": "2",
            "COPY_BLOCK_MIB": "2" if slot.number == OLD else "1",
            "COPY_BLOCK_CHECK": "md5",
            SECRET_SETTING: SECRET,
            **SECRETS,
            f"{_QUEUES}__batchSize": "4",
            f"{_QUEUES}__newBatchThreshold": "4",
            f"{_QUEUES}__visibilityTimeout": "00:00:01",
            f"{_QUEUES}__maxPollingInterval": "00:00:00.5",
        }
