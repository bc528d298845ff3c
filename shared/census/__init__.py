"""What is there against what ought to be: catalog, ledger and destination compared, and blobs read again.

::

    found        what is said of an asset, and a census in numbers
    facts        what each of the three says of a place
    sheets       that, on disk, and sorted
    walking      a catalog from beginning to end
    destination  where a dataset's blobs are
    gathering    the three, onto the sheets
    judging      what they come to
    comparing    the sheets, place by place
    mending      asks again
    taking       all of it: the census
    rehashing    digests computed again
    verifying    blobs read again
"""

from shared.census.found import Found, Mark, Tally
from shared.census.gathering import Stage
from shared.census.taking import Census
from shared.census.verifying import Verification, Verifying

__all__ = ["Census", "Found", "Mark", "Stage", "Tally", "Verification", "Verifying"]
