from http import HTTPStatus

import pytest

from benchmarks.discarding import Reply, Request, Store, keeps_body


def ask(store: Store, method: str, *, body: bytes = b"", blob: str = "a.bin", comp: str = "", **more: str) -> Reply:
    query = {"comp": comp} if comp else {}
    query |= {"blockid": more.pop("block")} if "block" in more else {}
    headers = {name.replace("_", "-"): value for name, value in more.items()}
    return store.answer(
        Request(method=method, container="c", blob=blob, query=query, headers=headers, length=len(body), body=body)
    )


def list_of(*ids: str) -> bytes:
    return ("<BlockList>" + "".join(f"<Latest>{each}</Latest>" for each in ids) + "</BlockList>").encode()


@pytest.fixture
def store() -> Store:
    return Store()


def test_a_blob_is_remembered_without_its_bytes(store: Store) -> None:
    """A HEAD shows length, labels and ETag of what was put."""
    put = ask(store, "PUT", body=b"x" * 100, x_ms_blob_content_md5="bWQ1", x_ms_meta_cause="run")

    head = ask(store, "HEAD")

    assert put.status == HTTPStatus.CREATED
    assert head.headers["ETag"] == put.headers["ETag"]
    assert {name: head.headers[name] for name in ("Content-Length", "Content-MD5", "x-ms-meta-cause")} == {
        "Content-Length": "100",
        "Content-MD5": "bWQ1",
        "x-ms-meta-cause": "run",
    }
    assert store.facts("c") == {"a.bin": [(100, (b"x" * 32).hex())]}


def test_a_blob_that_is_not_there(store: Store) -> None:
    """A HEAD of nothing is 404."""
    assert ask(store, "HEAD").status == HTTPStatus.NOT_FOUND


def test_blocks_become_a_blob_in_the_order_of_the_list(store: Store) -> None:
    """The committed blob is as long as its blocks, and they stand as the list says."""
    ask(store, "PUT", body=b"second", comp="block", block="B")
    ask(store, "PUT", body=b"first", comp="block", block="A")

    committed = ask(store, "PUT", body=list_of("A", "B"), comp="blocklist")

    assert committed.status == HTTPStatus.CREATED
    assert store.facts("c") == {"a.bin": [(5, b"first".hex()), (6, b"second".hex())]}
    assert ask(store, "HEAD").headers["Content-Length"] == "11"


def test_a_list_with_a_block_that_nobody_staged(store: Store) -> None:
    """It is refused as Azure does."""
    refused = ask(store, "PUT", body=list_of("A"), comp="blocklist")

    assert (refused.status, refused.headers["x-ms-error-code"]) == (HTTPStatus.BAD_REQUEST, "InvalidBlockList")


def test_staged_blocks_are_listed(store: Store) -> None:
    """Get Block List names what is staged, with lengths, until it is committed."""
    ask(store, "PUT", body=b"first", comp="block", block="A")

    listed = ask(store, "GET", comp="blocklist")

    assert b"<UncommittedBlocks><Block><Name>A</Name><Size>5</Size></Block></UncommittedBlocks>" in listed.body


def test_committed_blocks_are_listed(store: Store) -> None:
    """After the commit they are committed, and none is staged."""
    ask(store, "PUT", body=b"first", comp="block", block="A")
    ask(store, "PUT", body=list_of("A"), comp="blocklist")

    listed = ask(store, "GET", comp="blocklist")

    assert b"<CommittedBlocks><Block><Name>A</Name><Size>5</Size></Block></CommittedBlocks>" in listed.body
    assert b"<UncommittedBlocks></UncommittedBlocks>" in listed.body


def test_no_blocks_at_all(store: Store) -> None:
    """The list of a blob that nobody began is 404."""
    assert ask(store, "GET", comp="blocklist").status == HTTPStatus.NOT_FOUND


def test_there_must_be_none(store: Store) -> None:
    """If-None-Match: * refuses a second blob."""
    ask(store, "PUT", if_none_match="*")

    refused = ask(store, "PUT", if_none_match="*")

    assert (refused.status, refused.headers["x-ms-error-code"]) == (HTTPStatus.CONFLICT, "BlobAlreadyExists")


def test_there_must_be_this_one(store: Store) -> None:
    """If-Match replaces the blob that has the ETag, once."""
    etag = ask(store, "PUT").headers["ETag"]

    answers = [ask(store, "PUT", if_match=etag).status for _ in range(2)]

    assert answers == [HTTPStatus.CREATED, HTTPStatus.PRECONDITION_FAILED]


def test_a_container_is_made_and_listed(store: Store) -> None:
    """Clients that make their container and list it find what is there."""
    made = ask(store, "PUT", blob="")
    ask(store, "PUT", body=b"x")

    listed = ask(store, "GET", blob="", comp="list")

    assert (made.status, listed.status) == (HTTPStatus.CREATED, HTTPStatus.OK)
    assert b"<Name>a.bin</Name><Properties><Content-Length>1</Content-Length>" in listed.body


@pytest.mark.parametrize(("method", "comp"), [("PUT", "page"), ("GET", ""), ("DELETE", "")])
def test_what_it_does_not_do(store: Store, method: str, comp: str) -> None:
    """Whatever else is asked is told to be so: a benchmark must not take it for done."""
    assert ask(store, method, comp=comp).status == HTTPStatus.NOT_IMPLEMENTED


def test_only_block_lists_are_kept() -> None:
    """Bodies of blobs and blocks are forgotten."""
    assert [keeps_body({"comp": each}) for each in ("blocklist", "block", "")] == [True, False, False]
