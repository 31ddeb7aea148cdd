"""What else a comparison measured beside its answer, as tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from samedream.report.makeup import makeup
from samedream.report.spaces import spaces
from samedream.report.tables import WAYS, Cell, Line, Table, at, both_ways, cell, interval, kept
from samedream.report.words import CANNOT_TELL, NONE, count, figure, listed, percent

_KEYS = (
    "shared_over_twins", "floor_frozen", "sharing", "structure", "dense", "crosscoder", "decoder_cosine",
    "embedding_similarity",
)  # fmt: skip
_OLDER = "the comparison was made by a version that did not measure it; make it again to have it"
_COUNTS = (
    ("shared", "both models see it, and each alone tells when it fires"),
    ("only_a", "only {a}’s"),
    ("only_b", "only {b}’s"),
    ("mixed", "joins unlike things of both"),
    ("cannot_tell", "too weak or too rare to tell"),
)


def measured(summary: Mapping[str, Any], names: tuple[str, str]) -> list[Table]:
    """Tables of everything a summary holds beside the answer; none where it is too old to hold any of it.

    Args:
        summary: As `comparison/<a>--<b>/summary.json` has it; what is missing there is a table with its reason.
        names: The two models, a first.
    """
    if not any(key in summary for key in _KEYS):
        return []
    sharing = makeup(summary.get("sharing"), names)
    tables = [
        ("shared_over_twins", _assumptions(summary, names)),
        ("floor_frozen", _floors(summary, names)),
        *(("sharing", table) for table in sharing),
        ("structure", _structure(summary, names)),
        ("dense", spaces(summary.get("dense"), names)),
        ("crosscoder", _second_opinion(summary, names)),
        ("decoder_cosine", _directions(summary, names)),
        ("embedding_similarity", _meaning(summary, names)),
    ]
    return [table if key in summary else Table(table.key, table.title, gap=_OLDER) for key, table in tables]


def _values(found: Any, *path: str) -> list[float]:
    """The known values of both directions."""
    return [value for way in WAYS if (value := at(found, way, *path)) is not None]


def _said(values: Sequence[float]) -> str:
    """Figures as in a sentence, equal ones once."""
    return listed(list(dict.fromkeys(map(figure, values)))) if values else CANNOT_TELL


def _assumptions(summary: Mapping[str, Any], names: tuple[str, str]) -> Table:
    rows = (
        (
            "shared_fraction",
            "if other features of the topic stand for what is not shared",
            "the answer above: shared is what is matched better than its partner’s near relations (kin) would be",
        ),
        (
            "shared_over_twins",
            "if random twins stand for it",
            "the weaker assumption: never less, and too much where features of one topic pass for shared",
        ),
    )
    lines = [Line(w, m, tuple(cell(at(summary, key, way), share=True) for way in WAYS)) for key, w, m in rows]
    weaker = _values(summary.get("shared_over_twins"), "value")
    if not weaker:
        gap = "it needs random twins and a second dictionary of each model (floor = true, ceiling = true)"
        return Table("assumptions", f"The shared fraction under a weaker assumption: {CANNOT_TELL}", gap=gap)
    return Table(
        "assumptions",
        f"Under a weaker assumption they would share {listed(list(dict.fromkeys(map(percent, weaker))))}",
        both_ways(names),
        kept(lines),
        "The shared fraction must assume how features match that the models do not share. Where a dictionary holds "
        "many copies of one concept the first line is too low, and the truth lies between the two.",
    )


def _floors(summary: Mapping[str, Any], names: tuple[str, str]) -> Table:
    rows = (
        ("match strength", "as in the answer", ("universality",), (), False),
        ("with random twins", "the floor of the answer", ("floor",), (), True),
        (
            "with random directions in the other model",
            "a dictionary whose directions stayed random: what needs no learned direction",
            ("floor_frozen",),
            (),
            True,
        ),
        (
            "with single words",
            "the words of a passage in place of the other model",
            ("sharing", "words"),
            ("floor",),
            True,
        ),
        (
            "without the pair’s words",
            "ten words of each pair taken out of both sides",
            ("sharing", "words"),
            ("universality_without_words",),
            False,
        ),
    )
    lines = [
        Line(words, meaning, tuple(cell(at(summary, *before, way, *after)) for way in WAYS), control)
        for words, meaning, before, after, control in rows
    ]
    strength = _values(summary.get("universality"), "value")
    of_words = _values(at(summary, "sharing", "words"), "floor", "value")
    if not strength:
        return Table("floors", f"Match strength: {CANNOT_TELL}", gap="too few features fire often enough to be judged")
    return Table(
        "floors",
        f"Match strength is {_said(strength)}" + (f"; single words alone give {_said(of_words)}" if of_words else ""),
        both_ways(names),
        kept(lines),
        "The same figure (universality) against simpler things than the other model. Grey lines are floors: what they "
        "reach is no sign that two models share what they learned.",
    )


def _structure(summary: Mapping[str, Any], names: tuple[str, str]) -> Table:
    found = summary.get("structure")
    pairs = at(found, "assigned", "pairs")
    if pairs is None:
        return Table("structure", f"One to one, and in parts: {CANNOT_TELL}", gap="no feature fires often enough")

    def numbers(words: str, meaning: str, key: str, control: bool = False) -> Line:
        known = [at(found, side, key) for side in "ab"]
        return Line(words, meaning, tuple(Cell(NONE if one is None else count(one)) for one in known), control)

    def shares(words: str, meaning: str, path: Sequence[Sequence[str]]) -> Line:
        return Line(words, meaning, tuple(cell(at(found, *keys), share=True) for keys in path))

    split = [count(one) for side in "ab" if (one := at(found, side, "split")) is not None]
    return Table(
        "structure",
        f"{count(pairs)} pairs one to one"
        + (f"; {listed(split)} features in parts on the other side" if split else ""),
        both_ways(names),
        kept(
            [
                shares("assigned one to one", "each feature at most once", [("assigned", "share", s) for s in "ab"]),
                numbers("features the other has in parts", "", "split"),
                numbers("the same in the other’s random twin", "unions of words", "split_in_twin", control=True),
                shares("explained by the nearest feature alone", "R² on other articles", [(s, "r2_1") for s in "ab"]),
                shares("explained by at most eight", "", [(s, "r2_8") for s in "ab"]),
            ]
        ),
        "A feature is in parts where several of the other side divide its occurrences among them. It could mislead: a "
        "feature that mixes unrelated things is in parts too, and parts that are too faint are not found.",
    )


def _second_opinion(summary: Mapping[str, Any], names: tuple[str, str]) -> Table:
    found = summary.get("crosscoder")
    a, b = names
    if at(found, "share") is None:
        title = f"A second opinion, from one dictionary of both models: {CANNOT_TELL}"
        return Table("second", title, gap=str(at(found, "reason") or "there is too little to train it on"))
    main = Line("the main answer", "", tuple(cell(at(summary, "shared_fraction", way), share=True) for way in WAYS))
    said = Line("the crosscoder", "", tuple(_of_crosscoder(found, side) for side in "ab"))
    twins = Line(
        "the crosscoder on two random twins",
        "",
        tuple(cell(at(found, "floor", "share", side), share=True) for side in "ab"),
        control=True,
    )
    tally = [
        f"{count(int(number))} {words.format(a=a, b=b)}"
        for key, words in _COUNTS
        if (number := at(found, "counts", key)) is not None
    ]
    size = f"{at(found, 'dictionaries')} dictionaries of {at(found, 'latents')} latents each"
    return Table(
        "second",
        _agreement(summary, names),
        both_ways(names),
        kept([main, said, twins]),
        f"A crosscoder is one small dictionary trained on both models’ passages at once: {size}. Of all latents: "
        f"{'; '.join(tally)}. In brackets the lowest and highest of the dictionaries, not an interval. It sees "
        "broad topics of passages, not single features, so the two need not agree. “Agrees” allows .2 either way: by "
        "so much it was off on pairs with a known truth. Read it against the random twins.",
    )


def _of_crosscoder(found: Any, side: str) -> Cell:
    share, spread = at(found, "share", side), at(found, "spread", side)
    if share is None or not spread:
        return cell(share, share=True)
    return cell({"value": share, "low": spread[0], "high": spread[1]}, share=True)


def _agreement(summary: Mapping[str, Any], names: tuple[str, str]) -> str:
    found, said = summary.get("crosscoder"), []
    for side, way, name in zip("ab", WAYS, names, strict=True):
        agrees, share = at(found, "agrees", side), at(found, "share", side)
        main = interval(at(summary, "shared_fraction", way))
        if share is None or main is None or agrees is None:
            said.append(f"cannot be held against the answer on {name}")
        else:
            said.append(
                f"agrees on {name}" if agrees else f"finds {'more' if share > main.value else 'less'} of {name}"
            )
    return f"A second opinion, one dictionary trained on both models: it {listed(said)}"


def _directions(summary: Mapping[str, Any], names: tuple[str, str]) -> Table:
    found = summary.get("decoder_cosine")

    def line(words: str, meaning: str, path: tuple[str, ...], control: bool = False) -> Line:
        cells = []
        for way in WAYS:
            one = at(found, way, *path)
            high = at(one, "null_high")
            note = "" if high is None else f"by chance up to {figure(high)}"
            cells.append(cell(at(one, "mean"), note=note, ticks=[high]))
        return Line(words, meaning, tuple(cells), control)

    lines = [
        line("features that pass, to their partners", "mean cosine of the directions", ("passing",)),
        line("all features, to their best partners", "", ("all",)),
        line("all features, to the other’s random twin", "", ("floors", "to twin"), True),
        line("random twin to random twin", "", ("floors", "twin to twin"), True),
    ]
    means = _values(found, "passing", "mean") or _values(found, "all", "mean")
    if not means:
        gap = "it needs the mean hidden states of both models (features/<model>/states.npy) and their dictionaries"
        return Table("directions", f"Whether matched features point the same way: {CANNOT_TELL}", gap=gap)
    chance = _said(_values(found, "passing", "null_high") or _values(found, "all", "null_high"))
    fits = " and ".join(map(percent, _values(found, "map_r_squared")))
    return Table(
        "directions",
        f"Matched features point the way of their partners by {_said(means)} of 1; by chance up to {chance}",
        both_ways(names),
        kept(lines),
        "A linear map between the hidden states, fitted on other articles and blind to all features, carries each "
        "feature’s direction over; the figure is its cosine with its partner’s direction, against that of other "
        f"features’ partners. The map explains {fits} of the variance: what it cannot carry lowers every cosine.",
    )


def _meaning(summary: Mapping[str, Any], names: tuple[str, str]) -> Table:
    found = summary.get("embedding_similarity")
    rows = (
        ("a feature and its partner", "", "matched", False),
        ("a feature and others that fire as often", "", "random", True),
        (
            "a feature and itself",
            "its own strongest passages of other articles: about what a perfect partner reaches",
            "own",
            True,
        ),
    )
    lines = [Line(w, m, tuple(cell(at(found, way, key)) for way in WAYS), control) for w, m, key, control in rows]
    matched = _values(found, "matched")
    if not matched:
        gap = "it needs an embedding of the passages (labels/embedding) and features that pass the test"
        return Table("meaning", f"Whether matched features mean the same: {CANNOT_TELL}", gap=gap)
    random = _said(_values(found, "random"))
    return Table(
        "meaning",
        f"Matched features have passages alike in meaning by {_said(matched)} of 1; random features by {random}",
        both_ways(names),
        kept(lines),
        "A sentence embedder with no part in either model reads the strongest passages of both features, never from "
        "the same articles; the figure is the cosine of their means. Near 0 is a match in form only, such as “an” or a "
        "bracket.",
    )
