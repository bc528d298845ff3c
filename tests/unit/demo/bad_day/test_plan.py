import hashlib

import pytest

from demo.bad_day.plan import FULL, SMALL, Size, Trouble, planned


@pytest.mark.parametrize("size", [FULL, SMALL])
def test_troubles(size: Size) -> None:
    """As many files as planned have each trouble, and no file has two."""
    plan = planned(size)

    counts = {each: len(plan.with_trouble(each)) for each in Trouble}
    assert len(plan.files) == size.assets
    assert counts == {
        Trouble.MISSING: size.missing,
        Trouble.FORBIDDEN: 4 * size.forbidden_items,
        Trouble.WRONG: size.wrong,
        Trouble.PAGE: size.pages,
        Trouble.HANGING: size.hanging,
        Trouble.THROTTLED: 0,
    }


def test_same_plan() -> None:
    """A plan is the same each time, so that the source's process and the judge agree."""
    assert planned(SMALL) == planned(SMALL)


def test_forbidden_items() -> None:
    """Items are refused as a whole."""
    plan = planned(SMALL)

    items = {each.item for each in plan.with_trouble(Trouble.FORBIDDEN)}
    assert {each.trouble for each in plan.files if each.item in items} == {Trouble.FORBIDDEN}


def test_wrong_body() -> None:
    """Wrong bytes are as many as right ones."""
    file = planned(SMALL).files[0]

    assert len(file.wrong_body) == len(file.body) == file.size
    assert file.wrong_body != file.body


def test_manifest_and_expected() -> None:
    """The manifest states what is expected: address, size and SHA-256 of the file as it is once all is mended."""
    plan = planned(SMALL)
    file = plan.with_trouble(Trouble.WRONG)[0]
    sha256 = hashlib.sha256(file.body).hexdigest()

    header, *lines = plan.manifest("http://source").splitlines()
    expected = plan.expected("http://source")

    found = expected.assets[file.number]
    assert header == "url,size,sha256,item"
    assert lines[file.number] == f"http://source{file.path},{file.size},{sha256},{file.item}"
    assert (found.item, found.key, found.size, found.sha256) == (
        file.item,
        f"http://source{file.path}",
        file.size,
        sha256,
    )
    assert found.blob == f"archive{file.path}"
    assert (len(lines), expected.items) == (60, 15)
