"""Everything that runs on the bad day: the source, Azurite with a clock that can be moved, and the app's host."""

import contextlib
import dataclasses
import http.client
import json
import shutil
import sys
from collections.abc import Generator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from demo.azurite import Azurite, azurite
from demo.bad_day.clock import Clock
from demo.bad_day.plan import CONTAINER, DATASET, MANIFEST, Plan, Trouble
from demo.bad_day.site import DayError, Site
from demo.bad_day.source import ANSWERS, MEND, write_files
from demo.expected import Expected
from demo.processes import free_ports, running

_PROJECT = Path(__file__).resolve().parent.parent.parent
_QUEUES = "AzureFunctionsJobHost__extensions__queues"
_SECONDS = 10

_DATASETS = f"""
[datasets.{DATASET}]
catalog = {{{{ kind = "manifest", url = "http://127.0.0.1:{{port}}{MANIFEST}", page_size = 100 }}}}
destination = {{{{ container = "{CONTAINER}", name = "{{{{dataset}}}}/{{{{path}}}}" }}}}

[datasets.{DATASET}.allow]
hosts = ["127.0.0.1"]
http_hosts = ["127.0.0.1"]
ports = [{{port}}]
private_networks = ["127.0.0.0/8"]
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The people whose files are copied."""

    url: str

    def mend(self) -> None:
        """Have them put their troubles right."""
        self._ask("POST", MEND)

    def met(self) -> Mapping[Trouble, int]:
        """How often each trouble was met."""
        return {Trouble(name): count for name, count in json.loads(self._ask("GET", ANSWERS)).items()}

    def _ask(self, method: str, path: str) -> bytes:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=_SECONDS)
        with contextlib.closing(connection):
            connection.request(method, path)
            answer = connection.getresponse()
            if answer.status != http.HTTPStatus.OK:
                raise DayError(f"the source answers {answer.status} to {method} {path}")
            return answer.read()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The bad day's world while it runs."""

    directory: Path
    #: The app's folder, which is where an operator works.
    app: Path
    plan: Plan
    expected: Expected
    source: Source
    clock: Clock
    storage: Azurite
    site: Site


@contextlib.contextmanager
def staged(directory: Path, plan: Plan, *, small: bool) -> Generator[Stage]:
    """Make the files in ``directory``, then run all servers until the block ends."""
    (port,) = free_ports(1)
    source = Source(url=f"http://127.0.0.1:{port}")
    files, app = directory / "source", directory / "app"
    write_files(plan, files, url=source.url)
    clock = Clock.right(directory / "clock-ahead-ms.txt")
    with contextlib.ExitStack() as stack:
        command = [sys.executable, "-m", "demo.bad_day.source", str(files), str(port), *(["--small"] if small else [])]
        stack.enter_context(running(command, log=directory / "source.log", ports=(port,), directory=_PROJECT))
        storage = stack.enter_context(azurite(directory, environment=clock.environment))
        settings = _settings(storage, retry_seconds=plan.size.retry_seconds)
        _install(app, port=port, settings=settings)
        site = stack.enter_context(Site(app, storage=storage, environment=settings).open())
        yield Stage(
            directory=directory,
            app=app,
            plan=plan,
            expected=plan.expected(source.url),
            source=source,
            clock=clock,
            storage=storage,
            site=site,
        )


def _install(app: Path, *, port: int, settings: Mapping[str, str]) -> None:
    """Put the app into a folder as a deployment does, with the settings beside it as on a developer's machine."""
    app.mkdir()
    for name in ("function_app.py", "host.json"):
        shutil.copy(_PROJECT / name, app)
    shutil.copytree(_PROJECT / "shared", app / "shared", ignore=shutil.ignore_patterns("__pycache__"))
    (app / "datasets.toml").write_text(_DATASETS.format(port=port), encoding="utf-8")
    content = json.dumps({"IsEncrypted": False, "Values": dict(settings)}, indent=2)
    (app / "local.settings.json").write_text(content, encoding="utf-8")


def _settings(storage: Azurite, *, retry_seconds: int) -> Mapping[str, str]:
    return {
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "AzureWebJobsStorage": storage.connection_string,
        "SluiceStorage": storage.connection_string,
        "STORAGE_CREATE_MISSING": "true",
        "DATASETS_FILE": "datasets.toml",
        # Once a year: the day begins by itself.
        "DISCOVER_SCHEDULE": "0 0 0 1 1 *",
        "DISCOVER_RECHECK_SECONDS": "1",
        "COPY_BLOCK_MIB": "1",
        "COPY_BLOCK_CHECK": "md5",
        f"{_QUEUES}__visibilityTimeout": f"00:00:{retry_seconds:02}",
        f"{_QUEUES}__maxPollingInterval": "00:00:00.5",
    }
