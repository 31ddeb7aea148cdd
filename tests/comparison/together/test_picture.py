from xml.etree import ElementTree

import pytest

from samedream.comparison.together.picture import draw

SVG = "{http://www.w3.org/2000/svg}"
LONG = "A-model-with-a-name-that-is-far-too-long-for-a-picture"


def interval(value):
    return {"value": value, "low": value - 0.02, "high": value + 0.03, "confidence": 0.95}


def tally(everywhere, some, here):
    count = everywhere + some + here
    share = {"all": everywhere / count, "some": some / count, "only_here": here / count}
    return {"count": count, "all": everywhere, "some": some, "only_here": here, "share": share}


def summary(names=("A", "B", "C")):
    a, b, c = names
    value = {(a, b): 0.8, (b, a): 0.7, (a, c): 0.3, (c, a): 0.2, (b, c): 0.25, (c, b): 1.1}
    joins = [
        {"left": [a], "right": [b], "distance": 0.25, "support": 0.97},
        {"left": [c], "right": [a, b], "distance": 0.7, "support": None},
    ]
    return {
        "models": list(names),
        "found": {name: {"stable": tally(40, 25, 35)} for name in names},
        "concepts": {"count": 50, "in_all": 38},
        "normalised": {one: {two: interval(value[one, two]) for two in names if two != one} for one in names},
        "tree": {"joins": joins, "leaves": [c, a, b], "newick": ""},
    }


def drawn(values):
    root = ElementTree.fromstring(draw(values))
    return root, [text.text for text in root.iter(f"{SVG}text")]


def test_the_picture_says_what_the_figures_say():
    root, texts = drawn(summary())
    assert texts[0] == "Most alike are A and B: 75 % of the way from a random twin to a model’s own repeat"
    assert texts[1] == "3 models; 38 concepts that all of them have, 12 that some have"
    assert [text for text in texts if text in "ABC"] == ["C", "A", "B"] * 2  # rows and columns as the tree's leaves
    assert {"0.80", "0.70", "0.30", "0.20", "0.25", "1.10", "0.78–0.83", "97 %"} <= set(texts)
    assert texts.count("own repeat: 1") == 3
    shades = {float(rect.get("fill-opacity")) for rect in root.iter(f"{SVG}rect") if rect.get("stroke")}
    assert max(shades) == 0.75  # what is above 1 is drawn as 1
    assert draw(summary()) == draw(summary())


def test_a_bar_is_as_long_as_its_share():
    root, _ = drawn(summary())
    boxes = [rect for rect in root.iter(f"{SVG}rect") if rect.get("class") == "part"]
    parts = [rect for rect in boxes if rect.find(f"{SVG}title") is not None]
    assert [float(part.get("width")) for part in parts[:3]] == [120.0, 75.0, 105.0]
    assert parts[0].find(f"{SVG}title").text == "C: 40 of 100 stable features in all others"


def test_everything_lies_inside_the_picture():
    root, _ = drawn(summary((LONG, "B & co", "C")))
    width, height = float(root.get("width")), float(root.get("height"))
    for element in root.iter():
        if element.get("x") is not None:
            assert 0 <= float(element.get("x")) + float(element.get("width") or 0) <= width
            assert 0 <= float(element.get("y")) + float(element.get("height") or 0) <= height
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert "A-model-with-a-nam…r-a-picture" in texts
    assert "B & co" in texts


def test_what_is_not_known_is_said():
    values = summary()
    values["tree"] = None
    values["normalised"]["A"]["B"] = None
    values["found"]["B"]["stable"] = None
    _, texts = drawn(values)
    assert texts[0] == "How alike the models are cannot be told for every two of them"
    assert "no tree" in texts
    assert texts.count("cannot tell") == 2
    assert not any("Tree:" in text for text in texts)


@pytest.mark.parametrize("distance", [0.0, 0.004, 1.0])
def test_any_distance_can_be_drawn(distance):
    values = summary()
    for join in values["tree"]["joins"]:
        join["distance"] = distance
    ElementTree.fromstring(draw(values))
