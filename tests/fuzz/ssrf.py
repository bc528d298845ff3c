"""Where requests go, judged by the connections that are really made: ``python -m tests.fuzz.ssrf --json FILE``.

The cases are those of ``tests.unit.egress.corpus``, and some in which a name moves or redirects are chained. A process
of its own works them with the real client; an audit hook sees every connect() of it, whoever makes it, and no validator
of ours is asked about it: an address is outside if it isn't one that the case itself says may be reached.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import json
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.surroundings import commit
from shared.egress import Egress
from shared.model.datasets import Allowlist
from shared.model.errors import SourceUnavailableError, UrlRefusedError
from tests.fakes.certificates import tls_contexts
from tests.fakes.connections import recorded_connections
from tests.fakes.names import Zone
from tests.fakes.raw_server import Answer, RawServer, raw_server, reply
from tests.unit.egress.corpus import FORBIDDEN, REDIRECTS, Case, Redirect, cases
from tests.unit.egress.urls import HOSTS, HTTP_HOSTS, PORTS, PUBLIC

type Address = tuple[str, int]

_HERE = "127.0.0.1"
_REDIRECTS = (301, 302, 303, 307, 308)
#: Names that a redirect may lead to by the allowlist, and that lie where nothing may be connected to.
_INSIDE = {
    "metadata.in.example.org": (("169.254.169.254",),),
    "wire.in.example.org": (("168.63.129.16",),),
    "here.in.example.org": (("127.0.0.3",),),
    "here6.in.example.org": (("::1",),),
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a case came to."""

    kind: str
    case: str
    #: What was connected to, each once, in order.
    connected: tuple[Address, ...]
    #: Of these, what no part of the case allows.
    outside: tuple[Address, ...]
    #: Whether what the allowlist allows was reached: a client that connects to nothing proves nothing.
    reaches: bool
    #: Another error than a refusal or a host that isn't there.
    error: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """A name that is asked at each of several hops, and lies elsewhere each time (a TTL of 0)."""

    kind: str
    #: The answers, one a question; the first is the server's own.
    answers: tuple[tuple[str, ...], ...]
    status: int


def moving() -> Iterator[Moving]:
    """Names that lie here for the first request, and inside for what that redirects to."""
    inside = [address for kind in FORBIDDEN.values() for address in kind if address not in {_HERE, f"::ffff:{_HERE}"}]
    for number, address in enumerate(inside):
        yield Moving(kind="moves", answers=((_HERE,), (address,)), status=_REDIRECTS[number % len(_REDIRECTS)])
    for address in ("169.254.169.254", "10.0.0.1", "::1", "fd00:ec2::254", "::ffff:169.254.169.254"):
        # One of A and AAAA is fine, the other isn't: in each order, at the second hop.
        yield Moving(kind="splits", answers=((_HERE,), (_HERE, address)), status=302)
        yield Moving(kind="splits", answers=((_HERE,), (address, _HERE)), status=307)
        yield Moving(kind="moves later", answers=((_HERE,), (_HERE,), (address,)), status=302)


async def judged(folder: Path) -> list[Outcome]:
    """Work every case, one after the other."""
    for_server, for_client = tls_contexts(folder)
    outcomes = [await asked(each) for each in cases()]
    for redirect in REDIRECTS:
        async with raw_server(tls=for_server if redirect.secure else None) as server:
            outcomes.append(await _redirected(server, redirect, tls=for_client))
    for each in moving():
        async with raw_server() as server:
            outcomes.append(await _moved(server, each))
    return outcomes


def report(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The figures, and what is wrong."""
    return {
        "cases": len(outcomes),
        "kinds": dict(sorted(Counter(each.kind for each in outcomes).items())),
        "connects": sum(len(each.connected) for each in outcomes),
        "connects_outside": sum(len(each.outside) for each in outcomes),
        "not_reached": sum(not each.reaches for each in outcomes),
        "unexpected_errors": sum(each.error is not None for each in outcomes),
        "wrong": [dataclasses.asdict(each) for each in outcomes if each.outside or not each.reaches or each.error],
    }


async def asked(case: Case) -> Outcome:
    """Work a case of one URL."""
    allow = Allowlist(hosts=(*HOSTS, *case.hosts), http_hosts=HTTP_HOSTS, ports=PORTS, private_networks=case.private)
    async with contextlib.aclosing(Egress(resolver=Zone(case.names, elsewhere=PUBLIC))) as egress:
        return await _watched(
            egress, case.url, allow=allow, kind=case.kind, case=case.url, allowed=case.connects, times=case.times
        )


async def _redirected(server: RawServer, case: Redirect, *, tls: Any) -> Outcome:
    location = case.location.format(port=server.port)
    _answer(server, "/a", location=location, status=case.status)
    server.answers["/b"] = (Answer(sent=reply()),)
    async with contextlib.aclosing(Egress(resolver=Zone(_INSIDE, elsewhere=PUBLIC), tls=tls)) as egress:
        return await _watched(
            egress,
            server.url("/a"),
            allow=_allow(server),
            kind=f"redirects {case.kind}",
            case=f"{case.status} {case.location}",
            allowed=[(_HERE, server.port)],
        )


async def _moved(server: RawServer, case: Moving) -> Outcome:
    """Every hop leads to the name of the hop before it."""
    for here, there in (("/a", "/b"), ("/b", "/c")):
        _answer(server, here, location=there, status=case.status)
    server.answers["/c"] = (Answer(sent=reply()),)
    names: Mapping[str, Sequence[Sequence[str]]] = {"data.in.example.org": case.answers}
    async with contextlib.aclosing(Egress(resolver=Zone(names, elsewhere=PUBLIC))) as egress:
        return await _watched(
            egress,
            server.url("/a", host="data.in.example.org"),
            allow=_allow(server),
            kind=case.kind,
            case=f"{case.status} {case.answers}",
            allowed=[(_HERE, server.port)],
        )


def _answer(server: RawServer, path: str, *, location: str, status: int) -> None:
    # The connection ends, so that the next hop asks for the name again.
    headers = {"Location": location, "Connection": "close"}
    server.answers[path] = (Answer(sent=reply(status=f"{status} Moved", headers=headers)),)


def _allow(server: RawServer) -> Allowlist:
    """The server, and names that lie elsewhere; both without TLS."""
    hosts = (_HERE, "169.254.169.254", "168.63.129.16", "100.100.100.200", "[fd00:ec2::254]", "*.in.example.org")
    return Allowlist(hosts=hosts, http_hosts=hosts, ports=(80, server.port), private_networks=(f"{_HERE}/32",))


async def _watched(
    egress: Egress,
    url: str,
    *,
    allow: Allowlist,
    kind: str,
    case: str,
    allowed: Iterable[Address],
    times: int = 1,
) -> Outcome:
    error = None
    with recorded_connections() as found:
        for _ in range(times):
            async with _refusals() as others, egress.request("GET", url, allow=allow) as answer:
                await answer.read(1024)
            error = others[0] if others else error
    connected, may = tuple(dict.fromkeys(found)), tuple(allowed)
    outside = tuple(each for each in connected if each not in may)
    return Outcome(
        kind=kind,
        case=case[:200].encode("ascii", "backslashreplace").decode(),
        connected=connected,
        outside=outside,
        reaches=set(may) <= set(connected),
        error=error,
    )


@contextlib.asynccontextmanager
async def _refusals() -> AsyncGenerator[list[str]]:
    """Errors but those of an address that is refused, or where nobody answers."""
    others: list[str] = []
    try:
        yield others
    except (UrlRefusedError, SourceUnavailableError):
        pass
    except Exception as error:  # noqa: BLE001 - it is what is judged
        others.append(f"{type(error).__name__}: {error}"[:200])


def main(arguments: Sequence[str]) -> int:
    """Judge; 0: every case goes where it may, and nowhere else."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.ssrf", description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--json", type=Path, help="write all figures into this file")
    chosen, at = parser.parse_args(arguments), commit()
    with tempfile.TemporaryDirectory() as folder:
        found = report(asyncio.run(judged(Path(folder))))
    for name in ("cases", "connects", "connects_outside", "not_reached", "unexpected_errors"):
        print(f"{name.replace('_', ' ')}: {found[name]}")
    for each in found["wrong"][:20]:
        print(f"  wrong: {each}")
    if chosen.json is not None:
        chosen.json.write_text(json.dumps({"commit": at, **found}, indent=2) + "\n", encoding="utf-8")
    return 1 if found["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
