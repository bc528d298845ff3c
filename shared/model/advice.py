"""What an operator does about each kind of failure: one sentence a class, printed beside the failure itself.

``{redrive}`` and ``{drop}`` become the commands for just this class. What a request carries (address, name, size,
checksum) was fixed when it was asked for, so a redrive has it still: where that is wrong, another run asks anew. What
the dataset says (source, allow, policy, select.max_bytes) is read when the request is worked.
"""

from collections.abc import Mapping

#: What stands in place of a class where the runtime made a message poison, and nothing names an error:
#: no attempt at it had written a failure;
NEVER_STARTED = "NeverStarted"
#: it asked for an item to be published, of which failures stand in the log alone;
NOT_RECORDED = "NotRecorded"
#: or its run has failed, and says so in words of its own.
RUN_FAILED = "RunFailed"
NO_CLASSES = (NEVER_STARTED, NOT_RECORDED, RUN_FAILED)

#: Of every class that isn't here: no error of ours, so nothing foresaw it.
UNFORESEEN = (
    "Nothing foresaw this error: look for it in the log at the time that the failure names, and {redrive} once the "
    "cause is gone; if it comes back, report it as a defect."
)

_IN_BETWEEN = (
    "None is needed, since this is only what the classes below it have in common: the failure names one of them."
)

#: By the name of the class, as failures and messages carry it.
ADVICE: Mapping[str, str] = {
    "SluiceError": _IN_BETWEEN,
    "RetryableError": _IN_BETWEEN,
    "TruncatedBodyError": (
        "Wait, since it is retried; if it ended in poison, {redrive} once the source's server is well, and tell its "
        "owner of a file that breaks at the same byte each time."
    ),
    "SourceChangedError": (
        "Wait until nobody writes to the file or the catalog any more, then {redrive}; a run that failed by it is "
        "begun anew by `sluice discover DATASET`."
    ),
    "SourceRefusedError": (
        "Renew the secret (an app setting SOURCE_…) that the dataset's table `source` names, or get the right to read "
        "there, deploy, and {redrive}."
    ),
    "UnexpectedStatusError": (
        "Ask for the address by curl to see what its server wants, mend the dataset's `source` or tell the server's "
        "owner, and {redrive}; what can't be mended, {drop}."
    ),
    "DestinationContendedError": (
        "Find who else writes these blobs (another dataset or deployment with the same `destination`, or a second run "
        "of the same assets), stop one of them, and {redrive}."
    ),
    "StorageFailedError": (
        "Run `sluice doctor` and look at the status in the message (403: a role is missing; 404: a queue, table or "
        "container is; 5xx: the account was throttled or down), mend that, and {redrive}."
    ),
    "NoProgressError": (
        "Give a copy more time by COPY_DEADLINE_SECONDS (well under `functionTimeout` in host.json), or let it go on "
        "inside the file by `policy.digests = []`, deploy, and {redrive}."
    ),
    "DeferredError": _IN_BETWEEN,
    "SourceThrottledError": (
        "Wait, since it is tried again for a day at no cost; if it ended in poison, ask the host for less by `polite` "
        "(requests_at_once, requests_per_second), deploy, and {redrive}."
    ),
    "HostBusyError": (
        "Do nothing, since the request waits for its turn and never fails by it; if the wait is too long, raise the "
        "dataset's `polite`."
    ),
    "HostClosedError": (
        "Wait, since one request at a time tries the host until it answers; `sluice status` says since when and why, "
        "and what ended in poison after a day is for {redrive}."
    ),
    "AssetNotYetFoundError": (
        "Wait until `events.not_found_grace` is over; raise that where files regularly come later than their events."
    ),
    "SourceUnavailableError": (
        "Wait, since it is tried again for a day at no cost; if it stays, look whether the host's name and port in the "
        "address are right and can be reached from the app, and {redrive} once they are."
    ),
    "UnfinishedError": "Do nothing, since the copy is sent again by itself and goes on with the blocks that are there.",
    "PermanentError": _IN_BETWEEN,
    "AssetNotFoundError": (
        "Open the address: {redrive} if the file is back, {drop} if it is gone for good, and mend `catalog.url` or "
        "`catalog.path` and type `sluice discover DATASET` if it was the catalog's own."
    ),
    "UrlRefusedError": (
        "Only if you trust what the message names, add it to the dataset's `allow` (hosts, ports, http_hosts, "
        "private_networks) or state the `source` that it needs, deploy, and {redrive} or `sluice discover DATASET`; "
        "otherwise {drop}."
    ),
    "MalformedRequestError": (
        "Look by `sluice poison show ID` who wrote the message: {drop} what no version of Sluice wrote, deploy the "
        "version that did so that it can be read and sent back, and if an item's document is gone, "
        "`sluice discover DATASET` keeps it anew."
    ),
    "UnknownDatasetError": (
        "Name one of the datasets that the message lists; for messages of one that was taken out, put it back into "
        "the file of DATASETS_FILE, deploy and {redrive}, or {drop}."
    ),
    "ChecksumMismatchError": (
        "Tell the owner which of file and checksum is wrong, then {redrive} once the file is mended, or "
        '`sluice discover DATASET` once the catalog is; `policy.integrity = "log"` takes the bytes as they are.'
    ),
    "LengthMismatchError": (
        "Tell the owner which of file and stated size is wrong, then {redrive} once the file is mended, or "
        "`sluice discover DATASET` once the catalog is."
    ),
    "UnverifiableError": (
        "Name a checksum file in `policy.checksum_sidecar`, or set `policy.integrity` to check if bytes that nobody "
        "vouches for will do, deploy, and {redrive}."
    ),
    "ContentMismatchError": (
        "Open the address: an HTML page is mostly a login (mend the dataset's `source`) or an error of the server; "
        "{redrive} once the file comes, or {drop}."
    ),
    "BadNameError": (
        "Make `destination.name` (of items `publish.name`, of collections `publish.collection_name`) of fields that "
        "this asset has, in values that a blob's name may have, deploy, and type `sluice discover DATASET`."
    ),
    "NameTakenError": (
        "Make `destination.name` (of items `publish.name`, of collections `publish.collection_name`) tell the two "
        "apart, deploy, type `sluice discover DATASET`, and {drop}."
    ),
    "BlobExistsError": (
        "If the blob that stands there is the right one, {drop}; otherwise move it away or set `policy.on_existing` "
        "to another value than error, deploy, and {redrive}."
    ),
    "BlobDiffersError": (
        "To keep what stands there, {drop}; to take the source's bytes, set `policy.on_existing` to version, which "
        "keeps the old ones as a snapshot, deploy, and {redrive}."
    ),
    "AssetTooLargeError": (
        "Raise `select.max_bytes` where that is the limit, or COPY_BLOCK_MIB (up to 100) where blocks run out, deploy, "
        "and {redrive}; otherwise {drop}."
    ),
    "RequestTooLargeError": (
        "Leave the asset out by `select.exclude`, or have its description shortened in the catalog (the address is "
        "mostly what is long), and type `sluice discover DATASET`."
    ),
    "MalformedCatalogError": (
        "Look at what the message says was found, mend `catalog.kind`, `catalog.url` or the catalog itself, and type "
        "`sluice discover DATASET`; a page of the run that failed has no effect any more: {drop}."
    ),
    "EndlessCatalogError": (
        "Tell the catalog's owner that its next link leads in a circle, or read it in parts by "
        "`sluice discover DATASET --since TIME --until TIME`; a page of the run that failed: {drop}."
    ),
    "TokenRefusedError": (
        "Type `sluice discover DATASET`, since three passes of the run have failed by it; of a STAC API that lists "
        "only so many results, state how many in `catalog.result_cap`; a page of the run that failed: {drop}."
    ),
    "WindowError": (
        "Write since and until as 2024-06-01T00:00:00Z, the earlier one first, and leave both out of a catalog that "
        "has no times."
    ),
    "BlobConflictError": (
        "Do nothing, since it is decided by reading the blob again; one that stands in a log as a failure is a defect "
        "to report."
    ),
    "RunConflictError": (
        "Wait for the run that goes on, or end it by `sluice cancel DATASET`; one without progress for "
        "DISCOVER_STALL_MINUTES gives way to a run of the same window."
    ),
    "QueryInvalidError": "Correct the parameter of the address that the message names.",
    "UnknownRunError": "Take the run's id from `sluice status`: of each dataset only the newest run is known.",
    "UnknownItemError": (
        "Take the item's name from its catalog (of a STAC API collection/id), or ask for its files by their hrefs."
    ),
    "RunEndedError": "Do nothing, since the run is over; `sluice discover DATASET` begins another.",
    "DatasetPausedError": "Type `sluice resume DATASET` first.",
    "EventsNotTakenError": "Add the table `events` to the dataset and deploy, or send to a dataset that has one.",
    "MalformedEventError": "Send one of the formats of the dataset's `events.accepts`, as docs/intake.md shows them.",
    "EventTooLargeError": (
        "Send fewer assets or events in a call, raise `events.max_assets` (up to 10,000), or make a manifest of them."
    ),
    "NotAuthenticatedError": (
        "Compare what the sender signs or logs in with to the dataset's `events.auth`: the same secret on both sides, "
        "and a clock that is right."
    ),
    "ForbiddenError": (
        "If the caller may send events, add it to the dataset's `events.auth` as the message says, and deploy."
    ),
    "TooManyEventsError": (
        "Send again after the time in Retry-After, several events in a call; or raise `events.auth.per_minute`."
    ),
    "SenderUnavailableError": (
        "Send again after the time in Retry-After, as Amazon SNS does by itself; if it stays, look whether the app can "
        "reach the host that the message names."
    ),
    "DatasetsInvalidError": (
        "Correct the field or the app setting that the message names, look at it by `sluice doctor`, and deploy."
    ),
    NEVER_STARTED: (
        "No attempt lived long enough to say why: look in the log for a worker that died at that time (memory, "
        "`functionTimeout`) or an app that couldn't start, mend that, and {redrive}."
    ),
    NOT_RECORDED: (
        "Look in the log for `publish_item` shortly before the time that the reason names, mend what it tells of, and "
        "{redrive}."
    ),
    RUN_FAILED: (
        "Mend what the reason tells of and type `sluice discover DATASET`; the page itself has no effect any more, so "
        "{drop}."
    ),
}
