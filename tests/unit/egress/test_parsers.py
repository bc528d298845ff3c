"""Parsers that disagree: what is judged by one and sent by another leads past the allowlist."""

import contextlib
import random
import unicodedata
from collections import Counter
from collections.abc import Callable
from urllib.parse import urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from shared.egress.policy import Policy
from shared.model.datasets import Allowlist
from shared.model.errors import UrlRefusedError
from tests.unit.egress.urls import HOSTS, HTTP_HOSTS, PORTS, PUBLIC, PUBLIC_6

_EXAMPLES = 50
_URLS_AN_EXAMPLE = 100
_SCHEMES = ("https://",) * 6 + ("http://", "HTTPS://", "//", "https:", "ftp://", "https:///", "")
_USERS = ("",) * 8 + ("user@", "a:b@", "@", "data.example.org@", "evil.org#@")
_NAMES = (
    *("data.example.org", "DATA.EXAMPLE.ORG", "data.example.org.", "data\u3002example.org", "a.wild.example.org"),
    *("plain.wild.example.org", "b\u00fccher.example.org", PUBLIC, f"[{PUBLIC_6}]", "%64ata.example.org"),
    *("evil.org", "localhost", "127.0.0.1", "127.1", "0x7f.1", "[::1]", "*.wild.example.org", ""),
)
_PORTS = ("",) * 8 + (":443", ":8443", ":", ":0443", ":+443", ":22", ":4_43", ":80@evil.org", ":\uff14\uff14\uff13")
_TAILS = ("", "/", "/a/b.tif?x=1", "?@evil.org", "#@evil.org", "\\@evil.org", "/..//evil.org", "/@evil.org")
#: What parsers cut at, drop or turn into something else.
_MARKS = (
    *"@:/\\?#[]%&;=.,+-_ \t\r\n\0\u00ad\u200b\u3002\uff0e\uff0f\uff03\uff20\u2100\u00df\u0131",
    *("%40", "%2f", "%00", "//"),
)

type _Place = tuple[str, str, int | None]


def test_parsers_that_disagree() -> None:
    """A URL is let through only if urllib and yarl see the same scheme, host and port in it as we ask."""
    policy = Policy(Allowlist(hosts=HOSTS, http_hosts=HTTP_HOSTS, ports=PORTS))
    seen: Counter[str] = Counter()

    @settings(max_examples=_EXAMPLES, deadline=None, database=None)
    @given(st.randoms(use_true_random=True))
    def judge(chance: random.Random) -> None:
        for text in (_url(chance) for _ in range(_URLS_AN_EXAMPLE)):
            seen[_judged(policy, text)] += 1

    judge()

    assert seen["let through"] > 100
    assert min(seen["refused"], seen["disputed and refused"]) > 300


@given(st.text() | st.text(alphabet="htps:/[]@.a1?#%\\"))
def test_any_text_as_a_url(text: str) -> None:
    """Whatever a catalog writes, it is a URL of the allowlist or refused: no parser's own error comes out."""
    policy = Policy(Allowlist(hosts=HOSTS, http_hosts=HTTP_HOSTS, ports=PORTS))
    base = policy.checked("https://data.example.org/a/b")

    with contextlib.suppress(UrlRefusedError):
        policy.checked(f"https://{text}")
    with contextlib.suppress(UrlRefusedError):
        policy.redirected(base, text)


def _url(chance: random.Random) -> str:
    """A URL of the allowlist or nearly one, with up to two marks anywhere in it."""
    text = "".join(chance.choice(each) for each in (_SCHEMES, _USERS, _NAMES, _PORTS, _TAILS))
    for _ in range(chance.choice((0, 0, 1, 1, 2))):
        place = chance.randint(0, len(text))
        text = text[:place] + chance.choice(_MARKS) + text[place:]
    return text


def _judged(policy: Policy, text: str) -> str:
    theirs = (_place(_by_urllib, text), _place(_by_yarl, text))
    try:
        url = str(policy.checked(text))
    except UrlRefusedError:
        return "refused" if theirs[0] == theirs[1] else "disputed and refused"
    ours = _place(_by_yarl, url)
    assert (text, *theirs, _place(_by_urllib, url)) == (text, ours, ours, ours)
    return "let through"


def _place(parse: Callable[[str], _Place], text: str) -> _Place | None:
    """Where a parser sees a URL lead, or None if it sees none."""
    try:
        scheme, host, port = parse(text)
        return scheme, _canonical(host), port or {"https": 443, "http": 80}.get(scheme)
    except (ValueError, IndexError):
        return None


def _by_urllib(text: str) -> _Place:
    parts = urlsplit(text)
    return parts.scheme, parts.hostname or "", parts.port


def _by_yarl(text: str) -> _Place:
    url = URL(text)
    return url.scheme, url.host or "", url.port


def _canonical(host: str) -> str:
    """One writing for a host, by other means than ours."""
    name = unicodedata.normalize("NFKC", host).casefold().replace("\u3002", ".").removesuffix(".")
    return name if name.isascii() else name.encode("idna").decode()
