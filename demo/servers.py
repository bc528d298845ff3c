"""Everything that the demo runs, as child processes: a STAC API, a file server, Azurite, and the Functions host."""

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Generator, Mapping
from pathlib import Path

from demo.azurite import Azurite, azurite
from demo.dataset import COLLECTION_FILE, FILES, ITEMS, generate
from demo.expected import Expected
from demo.host import Running, functions_host
from demo.processes import StartError, free_ports, running
from demo.scenes import Scale
from demo.view import megabytes

_PROJECT = Path(__file__).resolve().parent.parent
_SEED = 20240103
#: The ports in the sample, which the demo replaces: the catalog's and the files'.
_SAMPLE_PORTS = ("8080", "8081")
#: In the small dataset the files come slowly, so that there is time to kill a worker.
_SLOW_BYTES_PER_SECOND = {Scale.SMALL: 3_000_000, Scale.FULL: None}
_BLOCK_MIB = {Scale.SMALL: "1", Scale.FULL: "8"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The demo's world while it runs."""

    directory: Path
    expected: Expected
    storage: Azurite
    host: Running


@contextlib.contextmanager
def stage(directory: Path, *, scale: Scale, say: Callable[[str], None]) -> Generator[Stage]:
    """Make the dataset in ``directory``, then run all servers until the block ends."""
    say("making the dataset")
    catalog_port, files_port = free_ports(2)
    expected = generate(directory, scale=scale, seed=_SEED, files_url=f"http://127.0.0.1:{files_port}")
    datasets = directory / "datasets.toml"
    write_datasets(datasets, catalog_port=catalog_port, files_port=files_port)
    say(f"made {len(expected.assets)} files of {expected.items} scenes, {megabytes(expected.bytes)}")
    say("starting Azurite, a STAC API (rustac), a file server and the Functions host")
    with contextlib.ExitStack() as stack:
        storage = stack.enter_context(azurite(directory))
        stack.enter_context(_catalog(directory, port=catalog_port))
        stack.enter_context(_files(directory, port=files_port, bytes_per_second=_SLOW_BYTES_PER_SECOND[scale]))
        settings = _settings(storage, datasets=datasets, block_mib=_BLOCK_MIB[scale])
        log_json = directory / "host.jsonl"
        host = functions_host(_PROJECT, storage=storage, environment=settings, log_json=log_json)
        yield Stage(directory=directory, expected=expected, storage=storage, host=stack.enter_context(host))


def write_datasets(path: Path, *, catalog_port: int, files_port: int) -> None:
    """Write the project's datasets.toml with the ports of this run; raises StartError if it isn't the sample's."""
    text = (_PROJECT / "datasets.toml").read_text(encoding="utf-8")
    for sample, port in zip(_SAMPLE_PORTS, (catalog_port, files_port), strict=True):
        if sample not in text:
            raise StartError(f"datasets.toml has no port {sample}: the demo runs the dataset 'demo' of the sample")
        text = text.replace(sample, str(port))
    path.write_text(text, encoding="utf-8")


def _catalog(directory: Path, *, port: int) -> contextlib.AbstractContextManager[object]:
    rustac = str(Path(sys.executable).with_name("rustac"))
    command = [rustac, "serve", "--addr", f"127.0.0.1:{port}", COLLECTION_FILE, ITEMS]
    return running(command, log=directory / "catalog.log", ports=(port,), directory=directory)


def _files(directory: Path, *, port: int, bytes_per_second: int | None) -> contextlib.AbstractContextManager[object]:
    pace = ("--bytes-per-second", str(bytes_per_second)) if bytes_per_second else ()
    command = [sys.executable, "-m", "demo.files", str(directory / FILES), str(port), *pace]
    return running(command, log=directory / "files.log", ports=(port,), directory=_PROJECT)


def _settings(storage: Azurite, *, datasets: Path, block_mib: str) -> Mapping[str, str]:
    """What local.settings.json would say; the environment beats it."""
    queues = "AzureFunctionsJobHost__extensions__queues"
    return {
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "SluiceStorage": storage.connection_string,
        "STORAGE_CREATE_MISSING": "true",
        "DATASETS_FILE": str(datasets),
        # Once a year: the demo asks by itself.
        "DISCOVER_SCHEDULE": "0 0 0 1 1 *",
        "DISCOVER_SATURATION": "1.5",
        "DISCOVER_INSTANCES": "1",
        "DISCOVER_RECHECK_SECONDS": "1",
        "COPY_BLOCK_MIB": block_mib,
        # How long a message waits that a killed worker held, and how often the queues are asked.
        f"{queues}__visibilityTimeout": "00:00:03",
        f"{queues}__maxPollingInterval": "00:00:00.5",
    }
