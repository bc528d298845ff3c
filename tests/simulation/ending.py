"""What has to be true once everything is done and a calm run has gone through the catalog.

Every file that can be had is in the ledger, and its row names the blob that stands there; what can't be had is in a
poison queue, where nothing expires; and every item that is whole is published.
"""

import json
import math

from shared.model.messages import LANES
from shared.model.rows import RunState
from shared.storage.blobs import BlobPath
from tests.simulation.account import Account
from tests.simulation.checker import Checker
from tests.simulation.scenario import CONTAINER, DATASET, PUBLISHED, START, File, Scenario


def check_end(scenario: Scenario, account: Account, checker: Checker) -> None:
    """Tell the checker of whatever isn't as it has to be."""
    _check_run(scenario, account, checker)
    for each in account.messages.poison:
        if not math.isinf(each.expires_at):
            checker.fail("S12", f"message {each.number} in {each.queue} expires, though calm passes have gone by")
    poisoned = _poisoned(account)
    for identity, file in scenario.files.items():
        is_in_poison = identity in poisoned
        if (DATASET, identity) in account.ledger.entries:
            _check_row(file, scenario, account, checker, is_in_poison=is_in_poison)
        elif not is_in_poison:
            checker.fail("L1", f"{file.href} is neither in the ledger nor in a poison queue")
        elif not file.is_gone and not scenario.may_refuse(file):
            checker.fail("L2", f"{file.href} can be had, and a calm run hasn't brought it")
    if scenario.publishes:
        _check_items(scenario, account, checker)


def _check_run(scenario: Scenario, account: Account, checker: Checker) -> None:
    run = account.runs.newest_runs[DATASET].run
    if run.state is not (RunState.INCOMPLETE if scenario.overstates else RunState.COMPLETE):
        checker.fail("S16", f"a calm run is {run.state}: {run.reason}")
    read = account.watermarks.entries.get(DATASET)
    if run.state is RunState.COMPLETE and run.is_of_all and (read is None or read.watermark.at < run.began_at):
        checker.fail("rule 12", f"run {run.run} is complete, and the watermark is {read and read.watermark}")


def _poisoned(account: Account) -> set[tuple[str, str]]:
    bodies = account.messages.bodies(*(each.poison for each in LANES))
    return {(each["item"], each["key"]) for body in bodies for each in json.loads(body)["assets"]}


def _check_row(file: File, scenario: Scenario, account: Account, checker: Checker, *, is_in_poison: bool) -> None:
    row = account.ledger.entries[DATASET, (file.item, file.key)].row
    path = BlobPath(container=CONTAINER, name=file.blob)
    blob = account.blobs.blobs.get(path)
    if blob is None:
        checker.fail("S3", f"{file.blob} is in the ledger and doesn't stand there")
    elif blob.etag != row.etag and not is_in_poison:
        # Who replaced it and failed for good stands in a poison queue, and mends the row once it is sent back.
        checker.fail("S3", f"the ledger's row of {file.blob} is of another version than the one that stands there")
    elif (
        not is_in_poison and _is_asked_again(file, account, scenario) and account.blobs.bodies[path] != file.bodies[-1]
    ):
        checker.fail("S16", f"{file.blob} is of an older version than the one that a calm run was to bring")


def _is_asked_again(file: File, account: Account, scenario: Scenario) -> bool:
    """Whether the newest run began after a file's last change, and asks for what depends on the source."""
    if scenario.on_existing not in {"replace", "if_source_changed"} or any(scenario.skews):
        return False
    began = (account.runs.newest_runs[DATASET].run.began_at - START).total_seconds()
    # The catalog lists an item as late as it describes the latest of its files.
    late = max(each.late for each in scenario.items[file.item])
    return began > max(file.changes_at, default=0.0) + late


def _check_items(scenario: Scenario, account: Account, checker: Checker) -> None:
    for item, files in scenario.items.items():
        is_whole = all((DATASET, (each.item, each.key)) in account.ledger.entries for each in files)
        name = item.rpartition("/")[2]
        path = BlobPath(container=PUBLISHED, name=f"{DATASET}/items/c/{name}.json")
        # Where an asset is refused as it is described now, there is an older one, and its item waits for the new one.
        # So it does where a run of a process whose clock was ahead counts for newer, until the clocks have come by.
        is_skewed = any(scenario.skews) and any(each.changes_at for each in files)
        is_current = not is_skewed and not any(scenario.may_refuse(each) for each in files)
        if is_whole and is_current and path not in account.blobs.blobs:
            checker.fail("L1", f"{item} is whole and isn't published")
        if not is_whole and path in account.blobs.blobs:
            checker.fail("S2", f"{item} isn't whole and is published")
