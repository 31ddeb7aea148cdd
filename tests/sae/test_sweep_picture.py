"""The picture of a sweep, read back as XML."""

from xml.etree import ElementTree

import pytest

from samedream.sae.frontier import Point, with_frontier
from samedream.sae.sweep_picture import draw

SVG = "{http://www.w3.org/2000/svg}"


def points(*given, variant="batchtopk"):
    """(k, L1, L0, variance explained) each."""
    zeros = {"dead_share": 0.0, "gini": 0.5, "density": 0.01, "decoder_cosine_max": 0.4}
    made = [
        Point(variant=variant, k=k, l1_strength=l1, l0=l0, variance_explained=explained, **zeros)
        for k, l1, l0, explained in given
    ]
    return with_frontier(made)


def drawn(found, name="a model"):
    return ElementTree.fromstring(draw(found, name))


def texts(picture):
    return [element.text for element in picture.iter(f"{SVG}text")]


def places(picture):
    return [(float(c.get("cx")), float(c.get("cy")), c.get("class")) for c in picture.iter(f"{SVG}circle")]


def test_places_by_hand():
    # axes: L0 from 16 / 1.25 to 64 * 1.25 on 72-660, log2; .6 to .9 with 12 % of .3 more at both ends on 432-108
    picture = drawn(points((16, 0.0, 16.0, 0.6), (32, 0.0, 32.0, 0.8), (64, 0.0, 64.0, 0.9)))
    found = places(picture)
    # log2(80 / 12.8) = 2.6439; 72 + 588 * log2(16 / 12.8) / 2.6439 = 143.6; every doubling is 588 / 2.6439 = 222.4
    assert [x for x, _, _ in found] == pytest.approx([143.6, 366.0, 588.4], abs=0.06)
    # .372 high: 432 - 324 * .036 / .372 = 400.6; .2 is 174.2
    assert [y for _, y, _ in found] == pytest.approx([400.6, 226.5, 139.4], abs=0.06)
    assert {kind for _, _, kind in found} == {"point on"}
    band = next(element for element in picture.iter(f"{SVG}rect") if element.get("class") == "range")
    assert float(band.get("x")) == pytest.approx(366.0, abs=0.06)
    assert float(band.get("width")) == pytest.approx(222.4, abs=0.06)
    said = texts(picture)
    assert said[0] == "Between L0 32 and 64, k 64 explains the most: 0.900 of the variance"
    assert said[1] == "a model: 3 dictionaries, held-out rows"
    for text in ("16", "32", "64", "0.6", "0.7", "0.8", "0.9", "k 16", "k 32", "k 64", "batchtopk"):
        assert text in said
    assert sum(element.get("class") == "line" for element in picture.iter(f"{SVG}polyline")) == 1


def test_a_line_for_each_l1_weight():
    given = [(k, l1, float(k), 0.5 + k / 200 - 10 * l1) for k in (16, 32, 64) for l1 in (0.0, 0.001, 0.01)]
    picture = drawn(points(*given, variant="l1_topk"))
    lines = [element for element in picture.iter(f"{SVG}polyline") if element.get("class") == "line"]
    assert len(lines) == 3
    assert len({line.get("stroke-dasharray") for line in lines}) == 3
    said = texts(picture)
    assert [text for text in said if text.startswith("l1_topk")] == [
        f"l1_topk, L1 {l1}" for l1 in ("0", "0.001", "0.01")
    ]
    assert said[0] == "Between L0 32 and 64, k 64 with L1 0 explains the most: 0.820 of the variance"
    assert [kind for _, _, kind in places(picture)] == ["point on"] * 3 + ["point"] * 6


def test_labels_cover_neither_points_nor_each_other():
    given = [(k, l1, float(k), 0.9 - l1) for k in (31, 32, 33) for l1 in (0.0, 0.0001, 0.0002)]
    picture = drawn(points(*given, variant="l1_topk"))
    boxes = []
    for element in picture.iter(f"{SVG}text"):
        if element.text.startswith("k "):
            x, y, half = float(element.get("x")), float(element.get("y")), 3.7 * len(element.text)
            boxes.append((x - half, y - 10, x + half, y + 2))
    assert boxes
    for box in boxes:
        assert not any(box[0] < x < box[2] and box[1] < y < box[3] for x, y, _ in places(picture))
        assert not any(
            other is not box and box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]
            for other in boxes
        )


def test_without_k_the_line_runs_along_l1():
    picture = drawn(points((32, 1e-3, 120.0, 0.95), (32, 1e-2, 40.0, 0.8), (32, 1e-1, 0.0, 0.0), variant="l1"))
    said = texts(picture)
    assert said[0] == "Between L0 32 and 64, variant l1 with L1 0.01 explains the most: 0.800 of the variance"
    assert "L1 0.001" in said and "L1 0.01" in said and "l1" in said
    assert not any(text.startswith("k ") for text in said)
    assert said[-1] == "Left out: 1 with no active feature."  # an L0 of 0 has no place on a logarithmic axis
    assert len(places(picture)) == 2


def test_one_k_and_several_weights_are_one_line():
    picture = drawn(points((8, 0.0, 8.0, 0.5), (8, 0.1, 7.0, 0.4), variant="l1_topk"))
    said = texts(picture)
    assert said[0] == "No dictionary has an L0 between 32 and 64"
    assert "l1_topk, k 8" in said and "L1 0.1" in said


def test_one_point_and_none_and_names_that_are_no_xml():
    assert len(places(drawn(points((4, 0.0, 4.0, 0.5))))) == 1
    nothing = drawn(points((4, 0.0, 0.0, 0.0)), name='<a> & "b"')
    assert places(nothing) == []
    assert '<a> & "b": 1 dictionaries, held-out rows' in texts(nothing)
