import xml.etree.ElementTree as ET

from benchmarks.withholding.picture import picture

SVG = "{http://www.w3.org/2000/svg}"
LINES = {"sigma 1.5": [(0.0, 10.0), (30.0, 92.0), (60.0, 0.0)], "sigma <inf>": [(0.0, 3000.0), (60.0, 0.0)]}


def drawn(outage: tuple[float, float] | None = None) -> ET.Element:
    return ET.fromstring(picture(LINES, title="Outstanding & more", outage=outage))


def test_the_picture_is_well_formed() -> None:
    """It parses as XML, whatever stands in its texts, and tells its title to who can't see it."""
    root = drawn()

    assert root.tag == f"{SVG}svg"
    assert root.findtext(f"{SVG}title") == "Outstanding & more"


def test_each_line_has_its_name() -> None:
    """There are as many curves as lines, and a name in the legend with the curve's colour for each."""
    root = drawn()

    colours = [each.get("stroke") for each in root.iter(f"{SVG}path") if each.get("class") == "line"]
    texts = [each.text for each in root.iter(f"{SVG}text")]
    assert (colours[:2], len(colours)) == (colours[2:], 4)
    assert {"sigma 1.5", "sigma <inf>"} <= set(texts)


def test_axes_have_numbers_and_names() -> None:
    """Powers of ten upward to above the most, round seconds to the right."""
    texts = [each.text for each in drawn().iter(f"{SVG}text")]

    assert [each for each in texts if each in {"1", "10", "100", "1,000", "10,000"}] == [
        *("1", "10", "100", "1,000", "10,000"),
        *("10",),
    ]
    assert {"0", "20", "40", "60", "seconds since the run was asked for", "copy requests outstanding"} <= set(texts)


def test_a_curve_keeps_its_value_until_the_next() -> None:
    """To the right first, then up or down: a peak stands for as long as it lasted."""
    curve = next(each for each in drawn().iter(f"{SVG}path") if each.get("class") == "line")

    assert curve.get("d") == "M64.0 286.0H392.0V207.0H720.0V368.0"


def test_an_outage_is_shaded() -> None:
    """From its begin to its end, with a word that says what it is; without one there is none."""
    with_one, without = drawn((15, 30)), drawn()

    (box,) = with_one.iter(f"{SVG}rect")
    assert (box.get("x"), box.get("width")) == ("228.0", "164.0")
    assert "source is out" in [each.text for each in with_one.iter(f"{SVG}text")]
    assert list(without.iter(f"{SVG}rect")) == []
