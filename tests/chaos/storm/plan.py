"""What is to be copied in a storm, and how its source lies: the same for each seed."""

import dataclasses
import enum
import hashlib
import random
from collections.abc import Iterable, Iterator, Mapping

from tests.chaos.flipping import SHORTEST, content
from tests.chaos.standing import CONTAINER

#: What a source wants to see: nothing of it may be found where anything is kept.
CANARY = "c4n4ry"
HEADER_SETTING, SAS_SETTING = "SOURCE_STORM_HEADER", "SOURCE_STORM_SAS"
SECRETS = {
    HEADER_SETTING: f"Bearer {CANARY}-of-the-header",
    SAS_SETTING: f"sv=2024-11-04&sp=r&sig={CANARY}-of-the-signature",
}
#: The account of the sources that are signed, and the dataset of events.
SIGNED_ACCOUNT, EVENTS = "data", "events"

_MIB = 1024 * 1024
_FILES_OF_A_DATASET = 40
_EVENTS_A_MINUTE = 40

#: Item and key, as rows and messages have them.
type Identity = tuple[str, str]


class Lie(enum.StrEnum):
    """What a source does once instead of giving a file."""

    #: The length is stated, half of the bytes come, and the connection is closed; or reset; or nothing more comes.
    SHORT = "short"
    RESET = "reset"
    HANG = "hang"
    #: Chunks without the last one.
    BROKEN_CHUNKS = "broken-chunks"
    #: A part of the bytes, with the length of that part.
    WRONG_LENGTH = "wrong-length"
    #: 200, and an error page.
    PAGE = "page"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"


class Doom(enum.StrEnum):
    """Why a file can't ever be copied; the value is the error that says so."""

    MISSING = "AssetNotFoundError"
    #: Its bytes never have the checksum that the catalog states.
    WRONG = "ChecksumMismatchError"


class Kind(enum.StrEnum):
    """What the sources of a dataset want."""

    OPEN = "open"
    HEADER = "header"
    SIGNED = "signed"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file."""

    dataset: str
    item: str
    #: At the source, and below the dataset's name in the container.
    path: str
    href: str
    size: int
    #: Whether the catalog says how large it is.
    states_size: bool
    #: The MD5 that the catalog states, in hex.
    md5: str | None
    #: Each opening finds a new version, until there were so many.
    versions: int
    #: Told one opening after the other, before the truth.
    lies: tuple[Lie, ...]
    doom: Doom | None

    @property
    def identity(self) -> Identity:
        """What rows and messages call it."""
        return self.item, self.href

    @property
    def blob(self) -> str:
        """What it is to become."""
        return f"{self.dataset}/{self.path}"

    @property
    def listed(self) -> Mapping[str, str]:
        """What a catalog or an event says of it: an address may be signed, and is kept without that."""
        signature = "" if self.href.startswith("az:") else f"?{SECRETS[SAS_SETTING]}"
        size = {"size": str(self.size)} if self.states_size else {}
        return {"url": f"{self.href}{signature}", "item": self.item, **size, **({"md5": self.md5} if self.md5 else {})}

    def body(self, version: int) -> bytes:
        """The bytes of a version; where no size is stated, each is longer than the one before."""
        grown = 0 if self.states_size else 100 * version
        return content(self.path, version=version, size=self.size + grown)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All files, by their datasets in the order in which these are begun."""

    kinds: Mapping[str, Kind]
    files: Mapping[str, tuple[File, ...]]

    @property
    def runs(self) -> list[str]:
        """The datasets that are discovered by runs."""
        return [each for each in self.files if each != EVENTS]

    def all(self) -> Iterator[File]:
        """Every file."""
        for each in self.files.values():
            yield from each

    def manifest(self, dataset: str) -> str:
        """The catalog of a dataset."""
        columns = ("url", "size", "md5", "item")
        lines = (",".join(each.listed.get(name, "") for name in columns) for each in self.files[dataset])
        return "\n".join([",".join(columns), *lines, ""])


def planned(seed: int, *, minutes: float, port: int) -> Plan:
    """Plan enough work for so many minutes, with its source at this port."""
    chance = random.Random(seed)
    names = [f"run-{number}" for number in range(max(3, round(minutes * 4)))]
    kinds = {name: list(Kind)[number % len(Kind)] for number, name in enumerate(names)} | {EVENTS: Kind.HEADER}
    counts = dict.fromkeys(names, _FILES_OF_A_DATASET) | {EVENTS: max(20, round(minutes * _EVENTS_A_MINUTE))}
    files = {name: tuple(_files(name, kinds[name], count, chance, port=port)) for name, count in counts.items()}
    return Plan(kinds=kinds, files=files)


def datasets_toml(plan: Plan, *, port: int, secret_setting: str) -> str:
    """``datasets.toml`` for a plan."""
    return "".join(_dataset(name, kind, port=port, secret_setting=secret_setting) for name, kind in plan.kinds.items())


def _files(dataset: str, kind: Kind, count: int, chance: random.Random, *, port: int) -> Iterator[File]:
    """Items of one to four files that stand together, as a manifest wants it."""
    number, item = 0, 0
    while number < count:
        for _ in range(min(chance.randint(1, 4), count - number)):
            yield _file(dataset, f"{dataset}-item-{item}", number, chance, place=_place(kind, port=port))
            number += 1
        item += 1


def _place(kind: Kind, *, port: int) -> str:
    return f"az://{SIGNED_ACCOUNT}" if kind is Kind.SIGNED else f"http://127.0.0.1:{port}"


def _file(dataset: str, item: str, number: int, chance: random.Random, *, place: str) -> File:
    path = f"con-{dataset}/{number:04}.bin"
    size = _size(chance)
    # Three in ten altogether; those of several blocks, which can be mixed, more often than others.
    flips = chance.random() < (0.6 if size >= 2 * _MIB else 0.2)
    states_size = chance.random() < 0.8
    doom = chance.choices([None, *Doom], [96, 3, 1])[0]
    if doom is Doom.WRONG:
        md5 = hashlib.md5(b"something else").hexdigest()
    elif not flips and states_size and chance.random() < 0.4:
        md5 = hashlib.md5(content(path, version=1, size=size)).hexdigest()
    else:
        md5 = None
    return File(
        dataset=dataset,
        item=item,
        path=path,
        href=f"{place}/{path}",
        size=size,
        states_size=states_size or md5 is not None,
        md5=md5,
        versions=chance.choice([2, 3]) if flips and md5 is None else 1,
        lies=() if doom else tuple(_lies(chance, states_size=states_size)),
        doom=doom,
    )


def _size(chance: random.Random) -> int:
    match chance.choices(["small", "block", "blocks"], [63, 12, 25])[0]:
        case "small":
            return chance.randrange(2 * SHORTEST, 64 * 1024)
        case "block":
            return chance.randrange(_MIB // 2, 2 * _MIB)
        case _:
            return chance.randrange(2 * _MIB, 4 * _MIB)


def _lies(chance: random.Random, *, states_size: bool) -> Iterable[Lie]:
    """Two at most. What can't be told from the truth without a size is told only where there is one, and once.

    Of what puts a copy off there is one at most, too: each costs fifteen seconds, and the next twice as many.
    """
    if chance.random() < 0.6:
        return
    harmless = [Lie.SHORT, Lie.RESET, Lie.HANG, Lie.BROKEN_CHUNKS]
    once = [*([Lie.WRONG_LENGTH, Lie.PAGE] if states_size else []), Lie.THROTTLED, Lie.UNAVAILABLE]
    if chance.random() < 0.4:
        yield chance.choice(once)
    if chance.random() < 0.7:
        yield chance.choice(harmless)


def _dataset(name: str, kind: Kind, *, port: int, secret_setting: str) -> str:
    url = f"http://127.0.0.1:{port}/manifests/{name}.csv"
    lines = [
        f"[datasets.{name}]",
        f'catalog = {{ kind = "manifest", url = "{url}", page_size = 10 }}',
        f'destination = {{ container = "{CONTAINER}", name = "{{dataset}}/{{path}}" }}',
        f"[datasets.{name}.allow]",
        'hosts = ["127.0.0.1"]',
        'http_hosts = ["127.0.0.1"]',
        f"ports = [{port}]",
        'private_networks = ["127.0.0.0/8"]',
        f"[datasets.{name}.publish]",
        *_source(name, kind, port=port),
    ]
    if name == EVENTS:
        auth = f'{{ kind = "hmac", secret_setting = "{secret_setting}" }}'
        lines += [f"[datasets.{name}.events]", 'accepts = ["list"]', 'not_found_grace = "PT0S"', f"auth = {auth}"]
    return "\n".join([*lines, "", ""])


def _source(name: str, kind: Kind, *, port: int) -> list[str]:
    match kind:
        case Kind.OPEN:
            return []
        case Kind.HEADER:
            says = ['kind = "header"', 'hosts = ["127.0.0.1"]', f'value_setting = "{HEADER_SETTING}"']
        case Kind.SIGNED:
            says = [
                'kind = "azure"',
                f'accounts = ["{SIGNED_ACCOUNT}"]',
                'auth = "sas"',
                f'sas_setting = "{SAS_SETTING}"',
                f'endpoint = "http://127.0.0.1:{port}"',
            ]
    return [f"[datasets.{name}.source]", *says]
