"""What a process and all its descendants cost."""

import contextlib
import threading
from collections.abc import Generator

import psutil

_SAMPLE_SECONDS = 0.05
#: To look for new descendants reads all processes of the machine.
_LOOK_EVERY = 10


class Tree:
    """A process and its descendants, which come and go."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._members = [self._root]
        self._cpu: dict[int, float] = {}
        self.peak_bytes = 0
        self.look()
        self.sample()
        self._before = sum(self._cpu.values())

    def look(self) -> None:
        """Find new descendants; who has ended is known no more, but what it has used is."""
        with contextlib.suppress(psutil.Error):
            self._members = [self._root, *self._root.children(recursive=True)]

    def sample(self) -> None:
        """Take memory and CPU in."""
        total = 0
        for each in self._members:
            with contextlib.suppress(psutil.Error), each.oneshot():
                total += each.memory_info().rss
                times = each.cpu_times()
                self._cpu[each.pid] = times.user + times.system
        self.peak_bytes = max(self.peak_bytes, total)

    @property
    def cpu_seconds(self) -> float:
        """CPU that all of them have used from the first sample to the last."""
        return sum(self._cpu.values()) - self._before


@contextlib.contextmanager
def watched(pid: int) -> Generator[Tree]:
    """Sample a tree twenty times a second until the block ends, where a last sample is taken."""
    tree = Tree(pid)
    ended = threading.Event()

    def watch() -> None:
        rounds = 0
        while not ended.wait(_SAMPLE_SECONDS):
            rounds += 1
            if rounds % _LOOK_EVERY == 0:
                tree.look()
            tree.sample()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield tree
    finally:
        ended.set()
        thread.join()
        tree.look()
        tree.sample()
