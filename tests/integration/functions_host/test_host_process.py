"""The host as its users run it: a process with an app, on Azurite."""

import base64
import contextlib
import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from azure.storage.queue import QueueClient, QueueMessage

from demo.azurite import Azurite
from demo.host import Running, functions_host
from functions_host.events import Event, EventKind
from tests.integration.functions_host.apps import HEADER, OBEDIENT, write_app

WAIT_SECONDS = 30.0


@contextlib.contextmanager
def new_queue(storage: Azurite) -> Generator[QueueClient]:
    """A client of a queue that doesn't exist yet, with a name of its own."""
    name = f"q-{uuid.uuid4().hex}"
    with QueueClient.from_connection_string(storage.connection_string, name) as client:
        yield client


@pytest.fixture(scope="module")
def queue(storage: Azurite) -> Generator[QueueClient]:
    """The queue of the module's host."""
    with new_queue(storage) as client:
        client.create_queue()
        yield client


@pytest.fixture(scope="module")
def poison(storage: Azurite, queue: QueueClient) -> Generator[QueueClient]:
    """Its poison queue, which nobody has made."""
    with QueueClient.from_connection_string(storage.connection_string, f"{queue.queue_name}-poison") as client:
        yield client


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, storage: Azurite, queue: QueueClient) -> Generator[Running]:
    """One host for the tests that leave it running."""
    directory = tmp_path_factory.mktemp("host")
    root = write_app(directory / "app", OBEDIENT)
    with start(root, storage=storage, queue=queue, log=directory / "log.json") as running:
        yield running


def start(
    root: Path, *, storage: Azurite, queue: QueueClient, log: Path, lease_seconds: float | None = None
) -> contextlib.AbstractContextManager[Running]:
    environment = {"QUEUE": queue.queue_name}
    return functions_host(root, storage=storage, environment=environment, log_json=log, lease_seconds=lease_seconds)


def send(queue: QueueClient, body: str, *, delay_seconds: int = 0) -> str:
    """Send a message, and return its id."""
    return queue.send_message(base64.b64encode(body.encode()).decode(), visibility_timeout=delay_seconds).id


def of(host: Running, message_id: str) -> list[Event]:
    """What the host has recorded of a message."""
    return [each for each in host.events() if each.message_id == message_id]


def deliveries(host: Running, message_id: str) -> list[int | None]:
    """The dequeue counts with which a message was handed to the function."""
    return [each.dequeue_count for each in of(host, message_id) if each.kind is EventKind.EXECUTING]


def has(host: Running, message_id: str, kind: EventKind) -> bool:
    """Whether that happened to a message."""
    return any(each.kind is kind for each in of(host, message_id))


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for another process to do something."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def with_text(poison: QueueClient, text: str) -> list[QueueMessage]:
    """The messages of that text in the poison queue."""
    return [each for each in poison.peek_messages(32) if each.content == text]


def test_message_is_delivered_once(host: Running, queue: QueueClient, tmp_path: Path) -> None:
    """A message is handed to the function and then deleted; the function sees its id, count and time."""
    note = tmp_path / "note"
    message_id = send(queue, f"note {note}")

    wait_until(lambda: has(host, message_id, EventKind.MESSAGE_DELETED))

    seen_id, count, inserted = json.loads(note.read_text())
    assert (seen_id, count) == (message_id, 1)
    assert abs(dt.datetime.fromisoformat(inserted) - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)
    assert [each.kind for each in of(host, message_id)] == [
        EventKind.EXECUTING,
        EventKind.EXECUTED,
        EventKind.MESSAGE_DELETED,
    ]


def test_five_failures_and_then_poison(host: Running, queue: QueueClient, poison: QueueClient) -> None:
    """'5 attempts .., then the `-poison` queue is made with the identical Base64 text, dequeue_count 1', for 7 days."""
    body = f"fail {uuid.uuid4()}"
    message_id = send(queue, body)

    wait_until(lambda: has(host, message_id, EventKind.MESSAGE_DELETED))

    assert deliveries(host, message_id) == [1, 2, 3, 4, 5]
    (copy,) = with_text(poison, base64.b64encode(body.encode()).decode())
    assert (copy.id != message_id, copy.dequeue_count) == (True, 0)
    assert copy.expires_on is not None
    assert copy.inserted_on is not None
    assert copy.expires_on - copy.inserted_on == dt.timedelta(days=7)


def test_text_that_is_not_base64(host: Running, queue: QueueClient, poison: QueueClient) -> None:
    """'"not base64 !!" | raw in poison, 0 invocations'."""
    text = f"not base64 !! {uuid.uuid4()}"
    message_id = queue.send_message(text).id

    wait_until(lambda: has(host, message_id, EventKind.MESSAGE_DELETED))

    assert deliveries(host, message_id) == []
    assert len(with_text(poison, text)) == 1


def test_message_outlives_its_worker(host: Running, queue: QueueClient) -> None:
    """A worker that is killed fails what it ran; the message is delivered again, to the next worker."""
    first = host.worker_pid()
    message_id = send(queue, "sleep 2")
    wait_until(lambda: deliveries(host, message_id) == [1])

    os.kill(first, signal.SIGKILL)
    wait_until(lambda: has(host, message_id, EventKind.MESSAGE_DELETED))

    assert deliveries(host, message_id) == [1, 2]
    assert host.worker_pid() != first


def test_log_has_the_hosts_own_lines(host: Running, queue: QueueClient) -> None:
    """'ids in every line', in the words of the real host; its list of functions comes first."""
    message_id = send(queue, "sleep 0")

    wait_until(lambda: has(host, message_id, EventKind.MESSAGE_DELETED))

    (executed,) = [each for each in of(host, message_id) if each.kind is EventKind.EXECUTED]
    text = host.log.read_text(encoding="utf-8")
    assert "    obey: queueTrigger\n" in text
    begin = (
        f"Executing 'Functions.obey' (Reason='New queue message detected on '{queue.queue_name}'.', "
        f"Id={executed.invocation_id}) Trigger Details: MessageId: {message_id}, DequeueCount: 1, InsertedOn: "
    )
    assert begin in text
    end = f"Executed 'Functions.obey' (Succeeded, Id={executed.invocation_id}, Duration={executed.duration_ms}ms)"
    assert end in text


def test_restart_by_the_admin_api(host: Running, queue: QueueClient) -> None:
    """A restart gives the app a new worker, and its queues are polled again."""
    before = host.worker_pid()
    request = urllib.request.Request(f"{host.url}/admin/host/restart", method="POST", data=b"")

    with urllib.request.urlopen(request, timeout=WAIT_SECONDS):
        wait_until(lambda: host.worker_pid() != before)
    message_id = send(queue, "sleep 0")
    wait_until(lambda: has(host, message_id, EventKind.MESSAGE_DELETED))

    assert deliveries(host, message_id) == [1]


def test_queue_that_is_made_later(tmp_path: Path, storage: Azurite) -> None:
    """'A trigger *never creates its queue*', and serves it once it is there; Development polls every 2 s at least."""
    root = write_app(tmp_path / "app", OBEDIENT)

    with new_queue(storage) as queue, start(root, storage=storage, queue=queue, log=tmp_path / "log.json") as host:
        wait_until(lambda: any(each.kind is EventKind.LISTENING for each in host.events()))
        time.sleep(0.5)
        queue.create_queue()
        message_id = send(queue, "sleep 0")
        wait_until(lambda: has(host, message_id, EventKind.MESSAGE_DELETED))

        assert deliveries(host, message_id) == [1]


def test_lease_is_renewed_while_a_function_runs(tmp_path: Path, storage: Azurite) -> None:
    """A function may take longer than the lease: it is renewed, and the message is delivered once."""
    root = write_app(tmp_path / "app", OBEDIENT)

    with new_queue(storage) as queue:
        queue.create_queue()
        with start(root, storage=storage, queue=queue, log=tmp_path / "log.json", lease_seconds=2) as host:
            message_id = send(queue, "sleep 5")
            wait_until(lambda: has(host, message_id, EventKind.MESSAGE_DELETED))

            assert deliveries(host, message_id) == [1]
            assert has(host, message_id, EventKind.MESSAGE_RENEWED)


def test_message_of_a_killed_host_comes_back(tmp_path: Path, storage: Azurite) -> None:
    """'Killed .., or crashed: the message comes back when its .. visibility ends, DequeueCount + 1'."""
    root = write_app(tmp_path / "app", OBEDIENT)

    with new_queue(storage) as queue:
        queue.create_queue()
        with start(root, storage=storage, queue=queue, log=tmp_path / "1.json", lease_seconds=3) as first:
            message_id = send(queue, "sleep 2")
            wait_until(lambda: deliveries(first, message_id) == [1])
            os.kill(first.pid, signal.SIGKILL)
        with start(root, storage=storage, queue=queue, log=tmp_path / "2.json", lease_seconds=3) as second:
            wait_until(lambda: has(second, message_id, EventKind.MESSAGE_DELETED))

    assert deliveries(second, message_id) == [2]
    assert not has(first, message_id, EventKind.EXECUTED)


def test_worker_ends_with_its_host(tmp_path: Path, storage: Azurite) -> None:
    """A host that is killed leaves no worker behind, not even for what it runs."""
    root = write_app(tmp_path / "app", OBEDIENT)

    with new_queue(storage) as queue:
        queue.create_queue()
        with start(root, storage=storage, queue=queue, log=tmp_path / "log.json") as host:
            message_id = send(queue, "sleep 60")
            wait_until(lambda: deliveries(host, message_id) == [1])
            os.kill(host.pid, signal.SIGKILL)

            wait_until(lambda: not Path(f"/proc/{host.worker_pid()}").exists())


def test_sigterm_drains(tmp_path: Path, storage: Azurite) -> None:
    """'polling stops, all tasks in flight are awaited, completions aren't cancelled'."""
    root = write_app(tmp_path / "app", OBEDIENT)

    with new_queue(storage) as queue:
        queue.create_queue()
        with start(root, storage=storage, queue=queue, log=tmp_path / "log.json") as host:
            message_id = send(queue, "sleep 2")
            wait_until(lambda: deliveries(host, message_id) == [1])
            os.killpg(host.pid, signal.SIGTERM)
            # It shows itself when polling has long stopped, and the message in flight has not ended yet.
            late_id = send(queue, "sleep 0", delay_seconds=1)
            wait_until(lambda: any(each.kind is EventKind.HOST_STOPPED for each in host.events()))

        assert [each.ok for each in of(host, message_id) if each.kind is EventKind.EXECUTED] == [True]
        assert [each.id for each in queue.peek_messages(32)] == [late_id]


def test_drain_is_capped(tmp_path: Path, storage: Azurite) -> None:
    """'capped at 10 s': what takes longer isn't waited for, and its message stays hidden until its lease ends."""
    root = write_app(tmp_path / "app", OBEDIENT)

    with new_queue(storage) as queue:
        queue.create_queue()
        with start(root, storage=storage, queue=queue, log=tmp_path / "log.json") as host:
            message_id = send(queue, "sleep 60")
            wait_until(lambda: deliveries(host, message_id) == [1])
            began = time.monotonic()
            os.killpg(host.pid, signal.SIGTERM)
            wait_until(lambda: any(each.kind is EventKind.HOST_STOPPED for each in host.events()))
            took_seconds = time.monotonic() - began

        assert 9 < took_seconds < 14
        assert queue.peek_messages(32) == []
        assert queue.get_queue_properties().approximate_message_count == 1


def test_time_out_costs_the_neighbours_a_dequeue(tmp_path: Path, storage: Azurite) -> None:
    """'One hung copy costs its neighbours a dequeue count': both fail, and are released for visibilityTimeout."""
    host_json = {"functionTimeout": "00:00:03", "extensions": {"queues": {"visibilityTimeout": "01:00:00"}}}
    root = write_app(tmp_path / "app", OBEDIENT, host_json=host_json)

    with new_queue(storage) as queue:
        queue.create_queue()
        with start(root, storage=storage, queue=queue, log=tmp_path / "log.json") as host:
            hung = send(queue, "block 60")
            wait_until(lambda: deliveries(host, hung) == [1])
            neighbour = send(queue, "sleep 0")
            wait_until(lambda: all(has(host, each, EventKind.MESSAGE_RELEASED) for each in (hung, neighbour)))

            assert has(host, hung, EventKind.TIMED_OUT)
            assert not has(host, neighbour, EventKind.TIMED_OUT)
            assert deliveries(host, neighbour) == [1]


def refused(root: Path, tmp_path: Path, **environment: str) -> tuple[int, str]:
    """Start a host that is expected not to start; its exit code and the error it gives."""
    log = tmp_path / "log.json"
    command = [sys.executable, "-m", "functions_host", "start", "--root", str(root), "--port", "0"]
    settings = {**os.environ, "AzureWebJobsStorage": "", "QUEUE": "work", **environment}
    project = Path(__file__).resolve().parents[3]
    ended = subprocess.run(
        [*command, "--log-json", str(log)],
        cwd=project,
        env=settings,
        timeout=WAIT_SECONDS,
        check=False,
        capture_output=True,
    )
    with log.open(encoding="utf-8") as lines:
        failed = [entry for line in lines if (entry := json.loads(line))["event"] == EventKind.HOST_FAILED]
    return ended.returncode, str(failed[0]["error"])


@pytest.mark.parametrize(
    ("function", "error"),
    [
        pytest.param(
            '@app.queue_trigger(arg_name="msg", queue_name="q", connection="c")\n'
            '@app.queue_output(arg_name="out", queue_name="o", connection="c")\n'
            "def send(msg: func.QueueMessage, out: func.Out[str]) -> None: ...\n",
            "Function 'send' has a binding of type 'queue' (OUT)",
            id="queue output",
        ),
        pytest.param(
            '@app.blob_trigger(arg_name="b", path="c/x", connection="c")\ndef read(b: func.InputStream) -> None: ...\n',
            "Function 'read' has a binding of type 'blobTrigger' (IN)",
            id="unknown trigger",
        ),
        pytest.param("", "No job functions found.", id="no functions"),
    ],
)
def test_app_that_is_refused(tmp_path: Path, function: str, error: str) -> None:
    """'an app that declares a queue output can be refused at start'; so is one with nothing that this host runs."""
    root = write_app(tmp_path / "app", HEADER + function)

    code, message = refused(root, tmp_path)

    assert (code, message.startswith(error)) == (1, True), message


def test_host_json_that_is_refused(tmp_path: Path) -> None:
    """'1..32, else ArgumentOutOfRange: the host fails to start'; here by the environment."""
    root = write_app(tmp_path / "app", OBEDIENT)

    code, message = refused(root, tmp_path, AzureFunctionsJobHost__extensions__queues__batchSize="33")

    assert code == 1
    assert message.startswith("host.json is not valid: extensions.queues.batchsize:")


def test_host_without_storage(tmp_path: Path) -> None:
    """'AzureWebJobsStorage is required for any trigger but HTTP (timers included)'."""
    function = '@app.timer_trigger(arg_name="t", schedule="0 * * * * *")\ndef tick(t: func.TimerRequest) -> None: ...\n'
    root = write_app(tmp_path / "app", HEADER + function)

    code, message = refused(root, tmp_path)

    assert code == 1
    assert message == (
        "Storage account connection string 'AzureWebJobsStorage' does not exist. "
        "Make sure that it is a defined App Setting."
    )


def test_functions_that_cant_start_or_must_not(tmp_path: Path, storage: Azurite) -> None:
    """'that function doesn't start', and the others do; of a disabled one 'the listener isn't started'."""
    source = OBEDIENT + (
        '@app.queue_trigger(arg_name="msg", queue_name="q", connection="Nowhere")\n'
        "def lost(msg: func.QueueMessage) -> None: ...\n"
        '@app.queue_trigger(arg_name="msg", queue_name="q", connection="Broken")\n'
        "def broken(msg: func.QueueMessage) -> None: ...\n"
        '@app.queue_trigger(arg_name="msg", queue_name="%NOWHERE%", connection="AzureWebJobsStorage")\n'
        "def nameless(msg: func.QueueMessage) -> None: ...\n"
        '@app.timer_trigger(arg_name="t", schedule="not a schedule")\n'
        "def never(t: func.TimerRequest) -> None: ...\n"
        '@app.queue_trigger(arg_name="msg", queue_name="q", connection="AzureWebJobsStorage")\n'
        "def disabled(msg: func.QueueMessage) -> None: ...\n"
    )
    root = write_app(tmp_path / "app", source)
    environment = {"QUEUE": "work", "AzureWebJobs.disabled.Disabled": "1", "Broken": "no connection string"}

    with functions_host(root, storage=storage, environment=environment, log_json=tmp_path / "log.json") as host:
        wait_until(lambda: any(each.kind is EventKind.LISTENING for each in host.events()))
        with urllib.request.urlopen(f"{host.url}/admin/functions/lost/status", timeout=WAIT_SECONDS) as response:
            status = json.load(response)

    events = [each for each in host.events() if each.kind is EventKind.FUNCTION_NOT_STARTED]
    not_started = {str(each.function): each.error for each in events}
    missing = "Storage account connection string 'AzureWebJobsNowhere' does not exist. "
    assert status == {"errors": [missing + "Make sure that it is a defined App Setting."]}
    assert sorted(not_started) == ["broken", "lost", "nameless", "never"]
    assert not_started["nameless"] == "'%NOWHERE%' does not resolve to a value."
    assert [each.function for each in host.events() if each.kind is EventKind.LISTENING] == ["obey"]


def test_storage_that_refuses_stops_the_host(tmp_path: Path, storage: Azurite) -> None:
    """'Anything else (403, say) is thrown .. and **the host shuts down**': exit code 1."""
    root = write_app(tmp_path / "app", OBEDIENT)
    wrong_key = base64.b64encode(b"x" * 64).decode()
    parts = [part for part in storage.connection_string.split(";") if part and "AccountKey=" not in part]

    code, message = refused(root, tmp_path, AzureWebJobsStorage=";".join([*parts, f"AccountKey={wrong_key}"]))

    assert code == 1
    assert "AuthenticationFailed" in message
