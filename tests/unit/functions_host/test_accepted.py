import pytest

from functions_host.frames import IndexedFunction
from functions_host.functions import Function
from functions_host.host import UnsupportedAppError, accepted
from functions_host.host_json import HostJson
from functions_host.settings import Settings

NOTHING = Settings(environment={})


def indexed(name: str, *types: str, retries: bool = False) -> IndexedFunction:
    bindings = tuple({"type": each, "direction": "IN" if "rigger" in each else "OUT", "name": each} for each in types)
    return IndexedFunction(name=name, function_id=f"id of {name}", bindings=bindings, retries=retries)


def test_functions_are_taken_over() -> None:
    """Queue, timer and HTTP triggers are run; a disabled function is 'loaded' all the same."""
    found = [indexed("a", "queueTrigger"), indexed("b", "timerTrigger"), indexed("c", "httpTrigger", "http")]
    settings = Settings(environment={"AzureWebJobs.b.Disabled": "true"})

    functions = accepted(found, host_json=HostJson(version="2.0"), settings=settings)

    assert functions == (
        Function(name="a", function_id="id of a", bindings=found[0].bindings),
        Function(name="b", function_id="id of b", bindings=found[1].bindings, disabled=True),
        Function(name="c", function_id="id of c", bindings=found[2].bindings),
    )


def test_chosen_functions() -> None:
    """'`func start --functions A B` == `AzureFunctionsJobHost__functions__0=A` and so on'."""
    found = [indexed("a", "queueTrigger"), indexed("b", "queueTrigger")]

    functions = accepted(found, host_json=HostJson(version="2.0", functions=("B",)), settings=NOTHING)

    assert [each.name for each in functions] == ["b"]


@pytest.mark.parametrize(
    "found",
    [
        pytest.param([indexed("a", "queueTrigger", "queue")], id="queue output"),
        pytest.param([indexed("a", "blobTrigger")], id="another trigger"),
        pytest.param([indexed("a", "httpTrigger", "http", "blob")], id="another binding"),
        pytest.param([], id="no functions"),
    ],
)
def test_refused_apps(found: list[IndexedFunction]) -> None:
    """'an app that declares a queue output can be refused at start'; so is all else that this host doesn't run."""
    with pytest.raises(UnsupportedAppError):
        accepted(found, host_json=HostJson(version="2.0"), settings=NOTHING)


def test_retry_policies_are_not_run(caplog: pytest.LogCaptureFixture) -> None:
    """'Retry policies: not to be relied on': one on a function is told of and ignored."""
    accepted([indexed("a", "queueTrigger", retries=True)], host_json=HostJson(version="2.0"), settings=NOTHING)

    assert caplog.messages == ["Function 'a' has a retry policy: this host ignores it."]
