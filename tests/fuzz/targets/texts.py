"""Names and addresses, whoever wrote them; and what is made of them for logs."""

import contextlib
from random import Random

from shared.egress import Policy
from shared.egress.replies import http_date, retry_after
from shared.model.errors import BadNameError, UrlRefusedError
from shared.model.hrefs import ObjectAddress, host_of, joined, store_address, unsigned
from shared.model.items import fit_name
from shared.model.names import FIELDS, blob_name, check_name, encoded_path, path_of
from shared.model.sidecars import sidecar_of
from shared.redaction import cut, redacted
from shared.sources.content import stored_media_type
from tests.fuzz.mutating import mutated_bytes
from tests.fuzz.nasty import HREFS, TEXTS, TIMES
from tests.fuzz.target import Target, check
from tests.fuzz.targets.harness import ALLOW

_POLICY = Policy(ALLOW)
_BASES = ("https://data.example.org/a/b.json?c=d#e", "s3://bucket/a/b.json", "az://account/container/a.json")
_TEMPLATES = (
    "{dataset}/{collection}/{id}/{key}/{file}",
    "{dataset}/{host}/{path}",
    "{item}/{key}",
    "{year}-{month}-{day}/{item}/{file}",
)
#: A signature that must not come out of anything that is stored or logged.
_SECRET = "Sup3rS3cr3tSignature"


async def _hrefs(case: bytes) -> None:
    text = _text(case)
    host_of(text)
    fit_name(text).encode()
    stored_media_type(None, href=text)
    with contextlib.suppress(ValueError):
        check(unsigned(unsigned(text)) == unsigned(text), "unsigned twice is another address")
    with contextlib.suppress(ValueError):
        path_of(text)
    for base in _BASES:
        with contextlib.suppress(ValueError):
            joined(base, text)
    with contextlib.suppress(ValueError):
        ObjectAddress.read(text)
    with contextlib.suppress(UrlRefusedError):
        store_address(text)
    with contextlib.suppress(UrlRefusedError):
        checked = str(_POLICY.checked(text))
        check(str(_POLICY.checked(checked)) == checked, "checked twice is another address")
    with contextlib.suppress(UrlRefusedError):
        _POLICY.redirected(_POLICY.checked(_BASES[0]), text)
    sidecar_of("{href}.md5", text)
    sidecar_of("{folder}/SUMS", text)


async def _names(case: bytes) -> None:
    text = _text(case)
    values = [text[: 1 + len(text) // (1 + number)] for number in range(len(FIELDS))]
    for template in _TEMPLATES:
        with contextlib.suppress(BadNameError):
            name = blob_name(template, dict(zip(FIELDS, values, strict=True)))
            check(check_name(name) == name, "a name that was made isn't one")
    with contextlib.suppress(BadNameError):
        # No href is longer.
        encoded_path(text[:8192])
    check_name(text)


async def _redaction(case: bytes) -> None:
    """A signature in an address is gone, whatever stands round it."""
    text = _text(case)
    said = redacted(text)
    said.encode()
    cut(said, 100)
    signed = redacted(f"{text[:200]} https://data.example.org/a?sv=1&sig={_SECRET}&se=2 ")
    check(_SECRET not in signed, "a signature came through")


async def _dates(case: bytes) -> None:
    text = _text(case)
    http_date(text)
    retry_after({"Retry-After": text})
    retry_after({"Retry-After": text, "Date": "Sat, 01 Jun 2024 12:00:00 GMT"})
    retry_after({"Retry-After": "Sat, 01 Jun 2024 12:00:00 GMT", "Date": text})


def _text(case: bytes) -> str:
    """Text as JSON and headers can have it: half a surrogate pair, too."""
    return case.decode("utf-8", ("replace", "surrogateescape")[len(case) % 2])


def _made(chance: Random, *, of: tuple[str, ...]) -> bytes:
    honest = chance.choice(of).encode("utf-8", "surrogatepass")
    return honest if chance.random() < 0.1 else mutated_bytes(chance, honest, tokens=_TOKENS)


_TOKENS = tuple(each.encode("utf-8", "surrogatepass")[:500] for each in (*TEXTS, *HREFS))
_LOG = (
    "GET https://user:pw@data.example.org/a?sv=1&sig=abc%3D&se=2 answered 403",
    "Authorization: Bearer abc.def.ghi\nCookie: a=b; c=d",
    '{"password": "a\\"b", "token": \'c\', "x-amz-signature": "d"}',
    "https%3A%2F%2Fuser%3Apw%40data.example.org%2Fa%3Fsig%3Dabc",
    "SharedKey account:AAAA=, basic AAAAAAAAAAAAAAAA",
    "a" * 20_000,
    "sig=" * 8000,
    "https://" * 4000,
    "authorization: " * 3000,
    '\\"' * 15_000,
    "%2525252F%2525252F" * 2000,
    "x-amz-" * 8000,
    "basic " * 8000,
    "token" * 8000,
)

TARGETS = (
    Target.of("hrefs", make=lambda chance: _made(chance, of=HREFS), run=_hrefs),
    Target.of("names", make=lambda chance: _made(chance, of=TEXTS), run=_names, allowed=(BadNameError,)),
    Target.of("redaction", make=lambda chance: _made(chance, of=(*_LOG, *HREFS)), run=_redaction),
    Target.of("dates", make=lambda chance: _made(chance, of=TIMES), run=_dates),
)
