import io

from rich.console import Console

from demo.expected import Expected, ExpectedAsset
from demo.status import Snapshot
from demo.view import View

IMAGE = ExpectedAsset(item="scenes/one", key="image", blob="one/image.tif", size=30_000_000, sha256="aa" * 32)
EXPECTED = Expected(dataset="demo", container="assets", items=1, assets=(IMAGE,), misfits=())


def snapshot(copied_bytes: int) -> Snapshot:
    return Snapshot(
        state="running",
        reason=None,
        withheld_because="36 requests are outstanding",
        sent=1,
        pages=1,
        requests=2,
        publishing=3,
        poison=0,
        copied_assets=0,
        copied_bytes=copied_bytes,
    )


def test_lines() -> None:
    """Without a terminal a line appears every two seconds, with the rate of the last ones."""
    output = io.StringIO()
    seconds = [0.0]
    view = View(Console(file=output, width=300), clock=lambda: seconds[0])

    with view.live():
        for seconds[0], copied in ((1.0, 5_000_000), (2.0, 20_000_000), (3.0, 25_000_000)):
            view.show(snapshot(copied), expected=EXPECTED)

    assert output.getvalue() == (
        "discovery running, asked for 1 of 1 assets, withheld (36 requests are outstanding); "
        "outstanding 2 copy requests, 1 pages, 3 items; copied 0 assets, 20.0 MB of 30.0 MB, 10.0 MB/s; poison 0\n"
    )


def test_terminal() -> None:
    """On a terminal the facts stay in place, and sentences go above them."""
    output = io.StringIO()
    view = View(Console(file=output, force_terminal=True, width=300), clock=lambda: 1.0)

    with view.live():
        view.show(snapshot(0), expected=EXPECTED)
        view.say("killed the worker")

    assert "killed the worker" in output.getvalue()
    assert "2 copy requests, 1 pages" in output.getvalue()
