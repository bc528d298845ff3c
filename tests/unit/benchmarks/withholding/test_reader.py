from benchmarks.withholding.reader import place_of


def test_an_address_leads_to_a_blob() -> None:
    """Its account aside, it names a container and a blob, whose name may have slashes and what has to be encoded."""
    assert place_of("http://127.0.0.1:1/account/assets/a/b%20c.bin") == ("assets", "a/b c.bin")
