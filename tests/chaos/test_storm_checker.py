"""The judge of the storm sees each thing that can go wrong."""

import dataclasses
from pathlib import Path
from typing import Any

from demo.evidence import RowFact
from tests.chaos.flipping import content
from tests.chaos.standing import Standing, standing
from tests.chaos.storm.checker import Evidence, Poisoned, is_by_kills, judge
from tests.chaos.storm.history import Commit, History, RowWrite, Sent
from tests.chaos.storm.plan import Doom, File
from tests.chaos.storm.recovery import Delivery

FILE = File(
    dataset="run-0",
    item="item-0",
    path="con/0.bin",
    href="http://127.0.0.1:1/con/0.bin",
    size=5000,
    states_size=True,
    md5=None,
    versions=2,
    lies=(),
    doom=None,
)
GONE = dataclasses.replace(FILE, path="con/1.bin", href="http://127.0.0.1:1/con/1.bin", doom=Doom.MISSING)
OLD, NEW = (standing(FILE.body(number), etag=f"etag-{number}") for number in (1, 2))
CUT = standing(FILE.body(1)[:-1], etag="etag-cut")
ROW = RowFact(
    item=FILE.item,
    key=FILE.href,
    container="assets",
    blob=FILE.blob,
    etag=OLD.etag,
    length=OLD.length,
    digests=(f"sha256:{OLD.sha256}",),
    version="row-1",
)
POISON = Poisoned(queue="copy-poison", identity=GONE.identity, error="AssetNotFoundError")


def commit(made: Standing, *, cause: str = "run-a", replaced: str | None = None, named: str | None = None) -> Commit:
    return Commit(slot=0, blob=FILE.blob, cause=cause, replaced=replaced, named=named, made=made)


def written(**changes: Any) -> RowWrite:
    row = RowWrite(
        slot=0,
        identity=FILE.identity,
        blob=FILE.blob,
        etag=OLD.etag,
        length=OLD.length,
        digests=(f"sha256:{OLD.sha256}",),
        cause="run-a",
        stood=(OLD,),
        standing=OLD.etag,
    )
    return dataclasses.replace(row, **changes)


def history(**changes: Any) -> History:
    return dataclasses.replace(History(commits=[commit(OLD)], rows=[written()]), **changes)


GOOD = Evidence(
    attempted={FILE.identity: FILE, GONE.identity: GONE},
    acknowledged=frozenset({FILE.identity, GONE.identity}),
    served={FILE.blob: {OLD.sha256: 1, NEW.sha256: 2}},
    history=history(),
    seen=[(FILE.blob, OLD)],
    standing={FILE.blob: OLD},
    rows={FILE.identity: ROW},
    published=frozenset({("run-0", "item-0")}),
    whole=frozenset({("run-0", "item-0")}),
    poison=[POISON],
    sent_back=[],
    unfinished=[],
    secrets=[],
)


def delivery(**changes: Any) -> Delivery:
    told = Delivery(
        message="m", log=Path("host.jsonl"), began=1.0, ended=2.0, ok=False, error="TruncatedBodyError", dequeue_count=1
    )
    return dataclasses.replace(told, **changes)


def violations(**changes: Any) -> set[str]:
    """Which measures say that something is wrong."""
    verdict = judge(dataclasses.replace(GOOD, **changes))
    return {name for name, cases in verdict.violations.items() if cases}


def test_all_is_well() -> None:
    """A file was copied, another one can't ever be; nothing is wrong."""
    verdict = judge(GOOD)

    assert verdict.is_good
    assert violations() == set()


def test_lost() -> None:
    """No row, and not in poison; or a row, and no blob."""
    assert violations(rows={}, standing={}) == {"lost"}
    assert violations(standing={}) == {"lost"}
    assert violations(poison=[]) == {"lost"}


def test_what_nobody_acknowledged_may_be_there_or_not() -> None:
    """It is recovered, or it isn't."""
    unknown = dataclasses.replace(GOOD, acknowledged=frozenset({GONE.identity}))

    assert judge(unknown).recovered == 1
    assert judge(dataclasses.replace(unknown, rows={}, standing={})).is_good


def test_unexpected() -> None:
    """A row that nobody asked for, a blob, or one that can't ever be."""
    other = dataclasses.replace(FILE, item="item-9")

    assert violations(rows={**GOOD.rows, other.identity: ROW}) == {"unexpected"}
    assert "unexpected" in violations(history=history(commits=[dataclasses.replace(commit(OLD), blob="b")]))
    assert "unexpected" in violations(standing={FILE.blob: OLD, GONE.blob: OLD})


def test_a_second_write_for_the_same_request() -> None:
    """Is one too many; one for another request between them makes it a matter of need."""
    again = commit(NEW, replaced=OLD.etag, named=OLD.etag)
    rival = commit(NEW, cause="run-b", replaced=OLD.etag, named=OLD.etag)
    back = commit(OLD, replaced=NEW.etag, named=NEW.etag)

    assert "duplicated_effects" in violations(history=history(commits=[commit(OLD), again]))
    assert violations(history=history(commits=[commit(OLD), rival, back])) == set()


def test_corrupt_at_any_time() -> None:
    """A part of a version is none, whoever saw it and whenever."""
    assert violations(seen=[(FILE.blob, CUT)]) == {"corrupt"}
    assert "corrupt" in violations(history=history(commits=[commit(CUT)]))
    assert "corrupt" in violations(standing={FILE.blob: CUT})


def test_a_row_before_its_blob() -> None:
    """It names what had not stood there when it was written, though it stands there now."""
    assert violations(history=history(rows=[written(stood=())])) == {"ledger_lies"}


def test_a_row_that_says_other_bytes() -> None:
    """Length or digest are not the blob's, or there is no digest, when it was written or at the end."""
    for changes in ({"length": 1}, {"digests": (f"sha256:{NEW.sha256}",)}, {"digests": ()}):
        assert violations(history=history(rows=[written(**changes)])) == {"ledger_lies"}
        assert violations(rows={FILE.identity: dataclasses.replace(ROW, **changes)}) == {"ledger_lies"}


def test_a_row_of_what_was_replaced() -> None:
    """When all is quiet, a row names what stands there."""
    assert violations(standing={FILE.blob: NEW}) == {"ledger_lies"}


def test_overwritten() -> None:
    """A write that was granted over a blob that it didn't name."""
    blind = commit(NEW, cause="run-b", replaced=OLD.etag)

    assert "overwritten" in violations(history=history(commits=[commit(OLD), blind]))


def test_poisoned_wrongly() -> None:
    """A good file, another reason than the one it has to be, or a message that names nothing."""
    good = Poisoned(queue="copy-poison", identity=FILE.identity, error="SourceThrottledError")
    other = dataclasses.replace(POISON, error="ContentMismatchError")
    nothing = Poisoned(queue="copy-poison", identity=None, error=None)

    for each in (good, other, nothing):
        assert violations(poison=[POISON, each]) == {"poisoned_wrongly"}


def test_poisoned_by_kills() -> None:
    """A host's move after deaths is counted by itself; one of which no delivery died is no such move."""
    moved = Poisoned(queue="copy-poison", identity=FILE.identity, error=None, deliveries=(delivery(), delivery()))
    died = dataclasses.replace(moved, deliveries=(delivery(), delivery(ended=None, ok=None, error=None)))
    worker_died = dataclasses.replace(moved, deliveries=(delivery(error="The worker process 7 ended before ..."),))

    assert [is_by_kills(each) for each in (moved, died, worker_died)] == [False, True, True]
    assert not is_by_kills(dataclasses.replace(died, error="AssetNotFoundError"))
    assert judge(dataclasses.replace(GOOD, sent_back=[died])).poisoned_by_kills == 1


def test_unpublished() -> None:
    """An item of which all is there, and that isn't published."""
    assert violations(published=frozenset()) == {"unpublished"}


def test_messages_with_an_end_to_their_life() -> None:
    """Nothing may expire but what a host moved to poison."""
    week = Sent(queue="copy", message="m", text="", seconds_to_live=None)

    assert violations(history=history(sent=[week])) == {"mortal"}
    assert violations(history=history(sent=[dataclasses.replace(week, queue="copy-poison")])) == set()
    assert violations(history=history(sent=[dataclasses.replace(week, seconds_to_live="-1")])) == set()


def test_secrets() -> None:
    """On their way to where they would rest, or there at the end."""
    assert violations(secrets=["log"]) == {"secrets"}
    assert violations(history=history(secrets=["queue"])) == {"secrets"}


def test_unfinished() -> None:
    """What had not ended when the time was up."""
    assert violations(unfinished=["1 message in copy"]) == {"unfinished"}


def test_versions_differ() -> None:
    """The oracle tells versions apart, so what it is asked means something."""
    assert content(FILE.path, version=1, size=10) != content(FILE.path, version=2, size=10)
    assert OLD.sha256 != NEW.sha256
