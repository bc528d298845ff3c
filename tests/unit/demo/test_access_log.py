from pathlib import Path

from demo.access_log import Request, commits, read_requests, row_rewrites, sends, unfinished

HEAD = '127.0.0.1 - - [24/Nov/2026:08:51:38 +0000] "'
ACCOUNT = "/devstoreaccount1"
# As Azurite 3.37 writes them.
LINES = f"""\
Azurite Blob service is successfully listening at http://127.0.0.1:56117
{HEAD}PUT {ACCOUNT}/assets?restype=container HTTP/1.1" 201 -
{HEAD}PUT {ACCOUNT}/assets/c/it%2520em/x.tif HTTP/1.1" 201 -
{HEAD}PUT {ACCOUNT}/assets/c/it%2520em/x.tif HTTP/1.1" 409 -
{HEAD}PUT {ACCOUNT}/assets/big.tif?comp=block&blockid=QUFBQQ%3D%3D HTTP/1.1" 201 -
{HEAD}PUT {ACCOUNT}/assets/big.tif?comp=blocklist HTTP/1.1" 201 -
{HEAD}PUT {ACCOUNT}/assets/half.tif?comp=block&blockid=QUFBQQ%3D%3D HTTP/1.1" 201 -
{HEAD}PUT {ACCOUNT}/pages/run/1 HTTP/1.1" 201 -
{HEAD}POST {ACCOUNT}/copy-poison/messages?messagettl=-1 HTTP/1.1" 201 -
{HEAD}POST {ACCOUNT}/copy/messages?messagettl=-1 HTTP/1.1" 201 -
{HEAD}POST {ACCOUNT}/ledger HTTP/1.1" 201 -
{HEAD}PATCH {ACCOUNT}/ledger(PartitionKey='demo-01',RowKey='x1') HTTP/1.1" 204 -
{HEAD}PUT {ACCOUNT}/ledger(PartitionKey='demo-01',RowKey='x1') HTTP/1.1" 412 -
{HEAD}GET {ACCOUNT}/ledger(PartitionKey='demo-01',RowKey='x1') HTTP/1.1" 200 -
"""


def requests(directory: Path) -> tuple[Request, ...]:
    log = directory / "azurite.log"
    log.write_text(LINES)
    return read_requests(log)


def test_commits(tmp_path: Path) -> None:
    """A blob counts as written when Put Blob or Put Block List was accepted, under its decoded name."""
    found = commits(requests(tmp_path), container="assets")

    assert found == {"c/it%20em/x.tif": 1, "big.tif": 1}


def test_unfinished(tmp_path: Path) -> None:
    """A blob with blocks and no list is unfinished."""
    found = unfinished(requests(tmp_path), container="assets")

    assert found == {"half.tif"}


def test_sends(tmp_path: Path) -> None:
    """A message that was put into the queue counts."""
    found = sends(requests(tmp_path), queue="copy-poison")

    assert found == 1


def test_row_rewrites(tmp_path: Path) -> None:
    """A row that was changed counts; an insert, a refused change and a look do not."""
    found = row_rewrites(requests(tmp_path), table="ledger")

    assert found == 1
