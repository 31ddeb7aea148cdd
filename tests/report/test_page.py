import base64
import json
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.report.small_study import Plan, make_study

from samedream import artifacts
from samedream.errors import CorruptArtifactError, MissingArtifactError, StaleArtifactError
from samedream.report.config import ReportConfig
from samedream.report.run import run

CONFIG = ReportConfig()
Make = Callable[..., Path]
VOID = {"meta", "input", "br", "link", "img", "hr"}


class Tree(HTMLParser):
    """Checks that tags close in order, and collects ids, links, text and every attribute that can load something."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.scripts = 0
        self.handlers: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.scripts += tag == "script"
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name == "href":
                self.links.append(value or "")
            if name in ("src", "srcset", "data", "action", "poster", "xlink:href"):
                self.loads.append(value or "")
            if name.startswith("on"):
                self.handlers.append(name)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}> at {self.getpos()}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)


def read(page: Path) -> tuple[str, Tree]:
    text = page.read_text(encoding="utf-8")
    tree = Tree()
    tree.feed(text)
    tree.close()
    assert not tree.open
    return text, tree


def said(tree: Tree) -> str:
    return re.sub(r"\s+", " ", " ".join(tree.words))


@pytest.fixture(scope="module")
def page(study: Path) -> Path:
    return run(study, CONFIG)


def test_the_page_is_one_file_that_loads_nothing(page: Path) -> None:
    text, tree = read(page)
    assert tree.loads == [] and tree.handlers == []
    assert not [link for link in tree.links if not link.startswith(("#", "../"))]
    assert "@import" not in text
    assert not [url for url in re.findall(r"url\(([^)]{0,40})", text) if not url.startswith(("data:", "#"))]
    assert not re.search(r"""(?:src|href)\s*=\s*["']?\s*(?:https?:)?//""", text)
    assert len(text.encode()) < 3_000_000
    assert {path.name for path in page.parent.iterdir()} == {"index.html", "manifest.json"}


def test_links_and_labels_of_the_page_hold(page: Path, study: Path) -> None:
    _, tree = read(page)
    assert len(tree.ids) == len(set(tree.ids))
    for link in tree.links:
        if link.startswith("#"):
            assert link[1:] in tree.ids
        elif link != "../answer.json":
            assert (page.parent / link).exists(), link


def test_the_first_screen_answers_the_question(page: Path) -> None:
    _, tree = read(page)
    text = said(tree)
    assert "Do SmolLM2-135M and Gemma-3-270M dream the same concepts?" in text
    assert "They share about 74 % and 69 % of their stable features." in text
    assert "They come 82 % and 76 % of the way from random twins to one model trained twice" in text
    for heading in ("Three things both see", "One thing only SmolLM2-135M sees", "One thing only Gemma-3-270M sees"):
        assert heading in text
    assert re.search(r"7\d % of SmolLM2-135M’s features have a partner in Gemma-3-270M", text)


def test_the_page_says_how_it_was_done_and_what_was_dropped(page: Path) -> None:
    text, tree = read(page)
    words = said(tree)
    assert "dropped: near duplicate 31" in words
    assert "wiki.jsonl" in words and "/home/someone" not in text
    assert "One corpus and one dictionary for each model" in words
    assert "7 of 10 figures lie in their healthy range" in words
    assert "raise topkFeatures, or train on more passages" in words
    assert "SmolLM2-135M cuts finer than Gemma-3-270M" in words


def test_both_columns_hold_the_same_passages_with_each_models_marks(page: Path) -> None:
    text, _ = read(page)
    card = text[text.index('id="c1-best-1"') : text.index('id="c1-best-2"')]
    cells = re.findall(r'class="cell m(\d) (a|b)".*?<p class="text"[^>]*>(.*?)</p>', card, re.S)
    assert [cell[:2] for cell in cells] == [("0", "a"), ("1", "b")] * 6
    for left, right in zip(cells[::2], cells[1::2], strict=True):
        assert re.sub("<.*?>", "", left[2]) == re.sub("<.*?>", "", right[2])
    assert "<mark class=" in cells[0][2]


def test_a_feature_that_does_not_fire_is_silent(page: Path) -> None:
    text, _ = read(page)
    alone = text[text.index('id="c1-only-a-1"') : text.index('id="c1-only-b"')]
    assert "silent here" in alone


def test_the_same_study_gives_the_same_bytes_wherever_it_lies(page: Path, make: Make) -> None:
    again = run(make(), CONFIG)
    assert again.read_bytes() == page.read_bytes()
    assert (again.parent / "manifest.json").read_bytes() == (page.parent / "manifest.json").read_bytes()
    assert str(again.parents[1]).encode() not in again.read_bytes()


def test_a_run_killed_before_the_manifest_ends_with_the_same_bytes(make: Make) -> None:
    page = run(make(), CONFIG)
    whole = page.read_bytes()
    (page.parent / "manifest.json").unlink()
    page.write_bytes(whole[:1000])
    assert run(page.parents[1], CONFIG).read_bytes() == whole


def test_a_finished_page_is_left_alone_and_other_settings_are_an_error(make: Make) -> None:
    study = make()
    page = run(study, CONFIG)
    page.write_text("read by hand", encoding="utf-8")
    run(study, CONFIG)
    assert page.read_text(encoding="utf-8") == "read by hand"
    with pytest.raises(StaleArtifactError, match="the setting best = 30, now it is 3"):
        run(study, ReportConfig(best=3))


def test_a_new_comparison_makes_the_page_stale(make: Make) -> None:
    study = make()
    run(study, CONFIG)
    (study / "comparison" / "smollm2-135m--gemma-3-270m" / "manifest.json").unlink()
    directory = study / "comparison" / "smollm2-135m--gemma-3-270m"
    files = [directory / "matches.parquet", directory / "summary.json"]
    artifacts.finish(directory, "comparison", {"shuffles": 999}, inputs={}, counts={}, files=files)
    with pytest.raises(StaleArtifactError, match="the input comparison/smollm2-135m--gemma-3-270m"):
        run(study, CONFIG)


NASTY = (
    "chess opening gambit bishop rook </script><script>alert(1)</script> & \"quotes\" 'x' <img src=x onerror=alert(1)>"
)


def test_what_comes_from_the_study_cannot_become_markup(make: Make) -> None:
    extra = [
        {
            "article": "<b>Title</b></script>",
            "section": "<i>",
            "topic": '"><script>',
            "text": NASTY,
            "language": 'en" onclick="x',
        }
    ]
    page = run(make(extra=extra, label="</script><script>alert(2)</script>", models=('<u>A</u> & "A"', "B'")), CONFIG)
    text, tree = read(page)
    assert tree.scripts == 1 and tree.handlers == [] and tree.loads == []
    assert text.count("<script") == 1 and text.count("</script") == 1
    assert "<img" not in text and "<u>" not in text and "<i>" not in text
    words = said(tree)
    assert "</script><script>alert(1)</script>" in words and "<b>Title</b></script>" in words
    assert 'Do <u>A</u> & "A" and B\' dream the same concepts?' in words


def test_other_scripts_keep_their_text_and_their_direction(make: Make) -> None:
    extra = [
        {"article": "شطرنج", "text": "الشطرنج chess opening gambit bishop rook لعبة", "language": "ar"},
        {
            "article": "国际象棋",
            "language": "zh",
            "text": "国际象棋 chess opening gambit bishop rook 是一种棋类游戏。👩‍🔬é",
        },
    ]
    text, tree = read(run(make(extra=extra), CONFIG))
    words = said(tree)
    assert "الشطرنج" in words and "是一种棋类游戏。👩‍🔬é" in words
    assert '<p class="text" dir="auto" lang="ar">' in text and '<p class="text" dir="auto" lang="zh">' in text


def test_without_floor_and_ceiling_the_page_cannot_tell_and_says_why(make: Make) -> None:
    _, tree = read(run(make(floor=False, ceiling=False), CONFIG))
    words = said(tree)
    assert "What this agreement is worth, we cannot tell: the study has no random twins to compare with" in words
    assert "No floor: the study did not read the passages with randomly initialised twins (floor = true)." in words
    assert "No ceiling: the study has no second dictionary for each model (ceiling = true, or sae with two" in words
    assert "share of the way: cannot tell" in words
    assert "no partner" in words and "One thing only" not in words
    assert "Whether that is a difference between the models, we cannot tell" in words
    assert "random twins .0" not in words


def test_without_matched_pairs_the_page_does_not_say_that_nothing_is_shared(make: Make) -> None:
    text, tree = read(run(make(matched=False), CONFIG))
    words = said(tree)
    assert "No single pair of features passes the test. What it is they share, if anything, we cannot tell." in words
    assert "That is no proof that the models share nothing" in words
    assert 'id="c1-best-1"' not in text


def test_three_models_have_a_part_for_each_pair_and_a_hue_each(make: Make) -> None:
    text, tree = read(run(make(models=("One", "Two", "Three")), CONFIG))
    words = said(tree)
    assert "Do One, Two and Three dream the same concepts?" in words
    assert [i for i in tree.ids if re.fullmatch(r"c\d", i)] == ["c1", "c2", "c3"]
    assert "--m2:#CC79A7" in text
    assert len(tree.ids) == len(set(tree.ids))


def test_no_labels_no_health_no_study_file(make: Make) -> None:
    study = make(labels=False, health=False)
    (study / "study.json").unlink()
    _, tree = read(run(study, CONFIG))
    assert re.search(r"feature \d+", said(tree))
    assert "The study holds no health figures, so we cannot tell." in said(tree)
    assert "../study.json" not in tree.links


def test_nothing_need_be_shown(make: Make) -> None:
    text, _ = read(run(make(), ReportConfig(best=0, random=0, only_here=0, passages=1)))
    assert '<details class="card"' not in text


def test_a_study_without_a_finished_comparison_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(MissingArtifactError, match='no finished comparison; run "samedream comparison .*" first'):
        run(tmp_path, CONFIG)
    study = make_study(tmp_path / "study")
    (study / "comparison" / "smollm2-135m--gemma-3-270m" / "manifest.json").unlink()
    with pytest.raises(MissingArtifactError, match="holds no finished comparison"):
        run(study, CONFIG)


def test_missing_features_are_named(make: Make) -> None:
    study = make()
    (study / "features" / "gemma-3-270m").rename(study / "features" / "elsewhere")
    with pytest.raises(MissingArtifactError, match="does not hold the two models of smollm2-135m--gemma-3-270m"):
        run(study, CONFIG)


def damage(name: str, study: Path) -> None:
    directory = study / "comparison" / "smollm2-135m--gemma-3-270m"
    features = study / "features" / "smollm2-135m"
    if name == "summary":
        (directory / "summary.json").write_text("[1]")
    elif name == "figure":
        summary = json.loads((directory / "summary.json").read_text())
        (directory / "summary.json").write_text(json.dumps(summary | {"floor": {"a_to_b": 3}}))
    elif name == "column":
        table = pq.read_table(directory / "matches.parquet")
        pq.write_table(table.drop_columns(["r_first"]), directory / "matches.parquet")
    elif name == "table":
        (directory / "matches.parquet").write_bytes(b"PAR1 cut short")
    elif name == "peaks":
        np.savez(features / "peaks.npz", start=np.zeros(3, np.uint32), end=np.ones(3, np.uint32))
        files = [features / n for n in ("activity.npz", "peaks.npz", "features.parquet", "exemplars.parquet")]
        artifacts.finish(features, "features", {}, inputs={}, counts={}, files=files)
    elif name == "activity":
        (features / "activity.npz").write_bytes(b"damaged")
    elif name == "corpus":
        path = study / "corpus" / "passages.parquet"
        pq.write_table(pq.read_table(path).slice(40), path)
    elif name == "rows":
        path = study / "corpus" / "passages.parquet"
        table = pq.read_table(path)
        more = table.slice(0, 1).set_column(0, "passage_id", pa.array(["zz"]))
        pq.write_table(pa.concat_tables([table, more]), path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("summary", "summary.json holds a list, expected an object"),
        ("figure", "summary.json: floor is not an estimate in two directions"),
        ("column", r"matches.parquet cannot be read \(.*r_first.*\); expected the columns side, feature"),
        ("table", "matches.parquet cannot be read"),
        ("peaks", "peaks.npz holds 3 spans, expected one for each of the"),
        ("activity", "activity.npz does not fit its checksum"),
        ("corpus", "does not hold the passage 'p0.*', an exemplar of a feature"),
        ("rows", "activity.npz has 112 rows, expected one for each of the 113 passages of the corpus"),
    ],
)
def test_damaged_input_is_an_error_that_names_the_file(make: Make, name: str, message: str) -> None:
    study = make()
    damage(name, study)
    with pytest.raises(CorruptArtifactError, match=message):
        run(study, CONFIG)
    assert not (study / "report" / "manifest.json").exists()


def test_the_dictionary_shown_is_the_one_the_features_were_made_with(tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", Plan(health=False))
    sae = study / "sae" / "smollm2-135m"
    for seed, value in ((3, 0.111), (9, 0.999)):
        directory = sae / f"seed-{seed}"
        metric = {
            "key": "gini",
            "name": "Gini",
            "value": value,
            "low": None,
            "high": None,
            "healthy": None,
            "advice": "",
            "meaning": "",
        }
        path = directory / "health.json"
        artifacts.write_json(path, {"rows": 1, "metrics": [metric]})
        manifest = artifacts.finish(directory, "sae", {"seed": seed}, inputs={}, counts={}, files=[path])
    features = study / "features" / "smollm2-135m"
    files = [features / n for n in ("activity.npz", "peaks.npz", "features.parquet", "exemplars.parquet")]
    artifacts.finish(features, "features", {}, inputs={"sae": manifest.fingerprint()}, counts={}, files=files)
    words = said(read(run(study, CONFIG))[1])
    assert "1.0" in words and "0.11 " not in words


def test_intervals_and_seed_stability_stand_in_the_health_table(tmp_path: Path) -> None:
    study = make_study(tmp_path / "study")
    (path,) = (study / "sae" / "smollm2-135m").glob("*/health.json")
    health = json.loads(path.read_text())
    health["metrics"][0]["interval"] = {"value": 0.71, "low": 0.655, "high": 0.765, "confidence": 0.95}
    path.write_text(json.dumps(health))
    (path,) = (study / "comparison").glob("smollm2-135m--*/summary.json")
    summary = json.loads(path.read_text())
    summary["seed_stability"] = {"a": {"value": 0.413, "low": 0.372, "high": 0.454, "confidence": 0.95}, "b": None}
    path.write_text(json.dumps(summary))
    words = said(read(run(study, CONFIG))[1])
    assert "95 % interval: 0.66 to 0.77" in words
    assert re.search(r"seed stability share of the features .* to – 0.41 no verdict 95 % interval: 0.37 to 0.45", words)
    assert words.count("seed stability share") == 1


def test_the_picture_of_a_sweep_is_on_the_page(tmp_path: Path) -> None:
    study = make_study(tmp_path / "study")
    sweep = study / "sae" / "smollm2-135m" / "sweep"
    sweep.mkdir()
    (sweep / "frontier.svg").write_text("<svg/>")
    (sweep / "frontier.json").write_text("{}")
    assert read(run(study, CONFIG))[1].loads == []  # not finished
    shutil.rmtree(study / "report")
    artifacts.finish(sweep, "sweep", {}, inputs={}, counts={}, files=[sweep / "frontier.svg"])
    _, tree = read(run(study, CONFIG))
    assert tree.loads == ["data:image/svg+xml;base64," + base64.b64encode(b"<svg/>").decode()]
    assert "Other dictionaries of SmolLM2-135M: what more active features explain" in said(tree)
    assert "../sae/smollm2-135m/sweep/frontier.json" in tree.links
    assert "sweep" not in " ".join(artifacts.require_manifest(study / "report").inputs)  # a later sweep is no error
