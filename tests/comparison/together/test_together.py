"""Four planted models: all share 50 concepts, a and b 40 more, c and d 40 more, and each has 30 of its own."""

import json
import shutil
from itertools import combinations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from scipy import sparse

from samedream import artifacts, stages
from samedream.cli import app
from samedream.comparison.run import run_together
from samedream.comparison.store import load_matches, load_summary
from samedream.comparison.together.together import put_together
from samedream.errors import ComparisonError, MissingArtifactError, StaleArtifactError
from samedream.study import Study, parse_study

COMMON, HALF, OWN = 50, 40, 30
WIDTH = COMMON + HALF + OWN
SLUGS = ["a", "b", "c", "all"]
NAMES = {"a": "A", "b": "B", "c": "C", "all": "All"}


def _features(directory, activity):
    directory.mkdir(parents=True)
    sparse.save_npz(directory / "activity.npz", sparse.csr_matrix(activity.astype(np.float32)))
    artifacts.finish(directory, "features", {}, inputs={}, counts={}, files=[directory / "activity.npz"])


def _study(directory, models):
    config = {
        "models": [{"source": f"x/{slug}", "name": NAMES[slug]} for slug in models],
        "comparison": {"permutations": 20},
    }
    opened = Study(parse_study(config, "test"), directory)
    opened.save()
    return opened


@pytest.fixture(scope="module", autouse=True)
def without_labels():
    """These models have features and no labels: what a comparison says of labels is not made."""
    every = stages.tasks
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            stages, "tasks", lambda *a, **k: [task for task in every(*a, **k) if "/labelled" not in task.name]
        )
        yield


@pytest.fixture(scope="module")
def study(planted_world, tmp_path_factory):
    """A study of four models up to labels, compared. Feature number = concept number: features are not shuffled."""
    world = planted_world(np.random.default_rng(8), 800)
    common, halves = world.concepts(COMMON), (world.concepts(HALF), world.concepts(HALF))
    directory = tmp_path_factory.mktemp("study")
    study = _study(directory, SLUGS)
    for number, slug in enumerate(SLUGS):
        pool = np.concatenate([common, halves[number // 2], world.concepts(OWN)], axis=1)
        for reader in (slug, f"{slug}.repeat"):
            _features(study.features(reader), world.render(pool))
        _features(study.features(f"{slug}.random"), world.render(world.concepts(WIDTH)))
    size = world.article.size
    columns = {"article_id": [f"en:{b}" for b in world.article], "topic": [None] * size, "text": ["A passage."] * size}
    study.corpus.mkdir()
    pq.write_table(pa.table(columns), study.corpus / "passages.parquet")
    artifacts.finish(study.corpus, "corpus", {}, inputs={}, counts={}, files=[study.corpus / "passages.parquet"])
    for task in stages.tasks(study):
        if task.stage == "labels":
            task.directory.mkdir(parents=True)
            artifacts.finish(task.directory, "labels", {}, inputs={}, counts={}, files=[])
    stages.run_stage(study, "comparison")
    return study


@pytest.fixture(scope="module")
def summary(study):
    return load_summary(study.together)


def test_the_planted_shares_are_read_back(summary):
    for name in summary["models"]:
        figures = summary["found"][name]
        assert figures["features"] == WIDTH
        stable = figures["stable"]
        assert 0.75 * WIDTH < stable["count"] <= figures["eligible"]["count"] <= WIDTH
        assert stable["share"]["all"] == pytest.approx(COMMON / WIDTH, abs=0.1)
        assert stable["share"]["some"] == pytest.approx(HALF / WIDTH, abs=0.1)
        assert stable["share"]["only_here"] == pytest.approx(OWN / WIDTH, abs=0.1)
        assert sum(stable["by_number_of_others"]) == stable["count"]
        for key, truth in (("all", COMMON), ("only_here", OWN)):
            low, high = figures["bounds"][key]
            assert low <= truth / WIDTH <= high


def test_concepts_are_the_planted_ones(study, summary):
    rows = pq.read_table(artifacts.verify(study.together, "concepts.parquet")).to_pylist()
    concepts = {}
    for row in rows:
        concepts.setdefault(row["concept"], []).append((row["model"], row["feature"]))
    pure = 0
    for members in concepts.values():
        models = [model for model, _ in members]
        features = {feature for _, feature in members}
        pair = models in (["a", "b"], ["c", "all"])
        pure += len(features) == 1 and (max(features) < COMMON or (max(features) < COMMON + HALF and pair))
    assert pure >= 0.95 * len(concepts)
    assert 0.75 * COMMON <= summary["concepts"]["in_all"] <= COMMON
    counts = {tuple(entry["models"]): entry["count"] for entry in summary["concepts"]["by_models"]}
    assert 0.75 * HALF <= counts["A", "B"] <= HALF + 5
    assert 0.75 * HALF <= counts["C", "All"] <= HALF + 5
    assert summary["concepts"]["closure"] > 0.9
    assert [row["concept"] for row in rows] == sorted(row["concept"] for row in rows)


def test_r_of_a_concept_is_that_of_the_pairs(study):
    row = pq.read_table(study.together / "concepts.parquet").slice(1, 1).to_pylist()[0]
    assert row["model"] == "b"
    pair = load_matches(study.comparison("a", "b"))
    own = pair.filter(pc.and_(pc.equal(pair["side"], "b"), pc.equal(pair["feature"], row["feature"]))).to_pylist()[0]
    assert own["r"] == row["r_a"]
    assert row["r_b"] is None
    assert row["stable"] is True


def test_the_planted_tree_is_recovered(summary):
    joins = summary["tree"]["joins"]
    assert {frozenset(join["left"] + join["right"]) for join in joins[:2]} == {
        frozenset("AB"),
        frozenset(["C", "All"]),
    }
    assert [join["support"] for join in joins] == [1.0, 1.0, None]
    assert summary["tree"]["newick"].count("1.00") == 2
    for one, other in combinations(summary["models"], 2):
        found = summary["distance"][one][other]
        assert found == summary["distance"][other][one]
        near = {one, other} in ({"A", "B"}, {"C", "All"})
        assert found["value"] == pytest.approx(OWN / WIDTH if near else 1 - COMMON / WIDTH, abs=0.15)
        assert found["low"] < found["value"] < found["high"]
    assert "No tree" not in " ".join(summary["notes"])


def test_the_matrix_holds_the_pairs_figures(study, summary):
    pair = load_summary(study.comparison("b", "all"))
    for key in ("normalised", "shared_fraction"):
        assert summary[key]["B"]["All"] == pair[key]["a_to_b"]
        assert summary[key]["All"]["B"] == pair[key]["b_to_a"]
        assert {row: set(cells) for row, cells in summary[key].items()} == {
            name: set(summary["models"]) - {name} for name in summary["models"]
        }


def _pairs(study, models):
    return {
        pair: (load_matches(study.comparison(*pair)), load_summary(study.comparison(*pair)))
        for pair in combinations(models, 2)
    }


def test_three_of_the_four_say_the_same(study):
    found = put_together(SLUGS[:3], NAMES, _pairs(study, SLUGS[:3]), seed=0).summary
    (near, far) = found["tree"]["joins"]
    assert near["left"] + near["right"] == ["A", "B"]
    assert far["support"] is None
    assert found["found"]["C"]["stable"]["share"]["only_here"] == pytest.approx((OWN + HALF) / WIDTH, abs=0.1)


def test_without_twins_and_repeats_there_is_no_tree_but_there_are_concepts(study):
    pairs = _pairs(study, SLUGS[:3])
    nothing = {"a_to_b": None, "b_to_a": None}
    matches, pair = pairs["b", "c"]
    repeats = pa.nulls(matches.num_rows, pa.bool_())
    bare = matches.set_column(matches.column_names.index("repeat_passes"), "repeat_passes", repeats)
    pairs["b", "c"] = bare, pair | {"normalised": nothing, "shared_fraction": nothing}
    found = put_together(SLUGS[:3], NAMES, pairs, seed=0).summary
    assert found["tree"] is None
    assert found["notes"][-1] == (
        "No tree: the normalised universality of B and C is not known both ways (see their comparison)."
    )
    assert found["distance"]["B"]["C"] is None
    assert found["distance"]["A"]["B"] is not None
    assert found["found"]["B"]["stable"] is found["found"]["B"]["bounds"] is None
    assert found["found"]["A"]["stable"] is not None
    assert found["concepts"]["in_all"] > 0.75 * COMMON


def test_the_stage_resumes_with_the_same_bytes(study, tmp_path):
    shutil.copytree(study.directory, tmp_path / "copy")
    copy = Study(study.config, tmp_path / "copy")
    (copy.together / "manifest.json").unlink()
    (copy.together / "models.svg").write_bytes(b"half a pic")
    (copy.directory / "answer.json").unlink()
    stages.run_stage(copy, "comparison")
    for name in ("comparison/all/manifest.json", "comparison/all/models.svg", "answer.json"):
        assert (copy.directory / name).read_bytes() == (study.directory / name).read_bytes()
    before = (copy.together / "summary.json").stat().st_mtime_ns
    stages.run_stage(copy, "comparison")
    assert (copy.together / "summary.json").stat().st_mtime_ns == before
    assert [row["name"] for row in stages.status(copy) if row["stage"] == "comparison"][-1] == "all"


def test_comparisons_made_again_with_other_settings_are_refused(study, tmp_path):
    shutil.copytree(study.directory, tmp_path / "copy")
    copy = Study(study.config, tmp_path / "copy")
    for pair in copy.pairs():
        path = copy.comparison(*pair) / "manifest.json"
        manifest = json.loads(path.read_text())
        manifest["config"]["permutations"] = 30
        path.write_text(json.dumps(manifest))
    changed = copy.config.model_copy(
        update={"comparison": copy.config.comparison.model_copy(update={"permutations": 30})}
    )
    with pytest.raises(StaleArtifactError) as error:
        stages.run_stage(Study(changed, copy.directory), "comparison")
    found, now = (
        artifacts.require_manifest(study.comparison("a", "all")).fingerprint(),
        artifacts.require_manifest(copy.comparison("a", "all")).fingerprint(),
    )
    assert str(error.value) == (
        f"{copy.together} was made with the input comparison/a--all = {found!r}, now it is {now!r}. Nothing is reused "
        f"silently: delete {copy.together} (and the stages after it) to make it again, or give another --out"
    )
    stages.write_answer(copy)  # the answer does not repeat what was made from other comparisons
    assert "all" not in json.loads((copy.directory / "answer.json").read_text())


def test_comparisons_of_different_features_of_a_model_are_refused(study, tmp_path):
    shutil.copytree(study.directory / "comparison", tmp_path / "comparison")
    pairs = {pair: tmp_path / "comparison" / study.comparison(*pair).name for pair in combinations(SLUGS[:3], 2)}
    manifest = json.loads((pairs["b", "c"] / "manifest.json").read_text())
    manifest["inputs"]["left"] = "0" * 64
    (pairs["b", "c"] / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(StaleArtifactError) as error:
        run_together(tmp_path / "out", study.config.comparison, names={s: s for s in SLUGS[:3]}, pairs=pairs)
    assert str(error.value) == (
        f"{pairs['a', 'b']} and {pairs['b', 'c']} were made from different features of b. Delete the older one and "
        f'rerun "samedream comparison DIR"'
    )
    pairs["a", "c"] = tmp_path / "nothing"
    with pytest.raises(MissingArtifactError, match="nothing is not finished"):
        run_together(tmp_path / "out", study.config.comparison, names={s: s for s in SLUGS[:3]}, pairs=pairs)


def test_two_models_are_left_to_their_comparison(study, tmp_path):
    shutil.copytree(study.directory, tmp_path / "two", ignore=shutil.ignore_patterns("all*", "c*--*", "answer.json"))
    two = _study(tmp_path / "two", SLUGS[:2])
    assert [task.name for task in stages.tasks(two) if task.stage == "comparison"] == ["a--b"]
    stages.run_stage(two, "comparison")
    assert [path.name for path in (two.directory / "comparison").iterdir() if (path / "manifest.json").exists()].count(
        "all"
    ) == 0
    answer = json.loads((two.directory / "answer.json").read_text())
    assert not {"pairs", "all"} & set(answer)
    with pytest.raises(ComparisonError) as error:
        run_together(tmp_path / "out", two.config.comparison, names={"a": "A", "b": "B"}, pairs={})
    assert str(error.value) == "2 models, expected three or more: two are a comparison of their own"
    assert not (tmp_path / "out").exists()


def test_the_answer_holds_all_and_the_fixed_keys_stay(study, summary):
    answer = json.loads((study.directory / "answer.json").read_text())
    assert answer["all"] == summary
    assert answer["models"] == ["A", "B"]
    assert len(answer["pairs"]) == 6
    assert set(summary) == {
        "models", "directories", "found", "concepts", "normalised", "shared_fraction", "distance", "tree", "notes",
    }  # fmt: skip


def test_a_model_called_all_collides_with_nothing(study):
    assert study.together == study.directory / "comparison" / "all"
    assert study.together not in [study.comparison(*pair) for pair in study.pairs()]
    assert (study.comparison("a", "all") / "matches.parquet").exists()


def test_the_command_prints_the_matrix(study, summary, capsys):
    app(["comparison", str(study.directory)], standalone_mode=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[6] == f"comparison: {study.together}"
    assert lines[7].split() == ["features", "of", "in", "A", "in", "B", "in", "C", "in", "All"]
    cell = summary["normalised"]["A"]["B"]
    said = f"A 1 (own repeat) {cell['value']:.2f} [{cell['low']:.2f}–{cell['high']:.2f}]"
    assert " ".join(lines[8].split()).startswith(said)
    assert lines[12] == f"concepts in all 4 models: {summary['concepts']['in_all']}"
    assert lines[13:15] == ["", load_summary(study.comparison("a", "b"))["verdict"]]
    assert lines[15].startswith("- Under a weaker assumption they would share ")
    app(["comparison", str(study.directory), "--json"], standalone_mode=False)
    printed = json.loads(capsys.readouterr().out)
    assert printed[str(study.together)] == {"concepts": summary["concepts"], "normalised": summary["normalised"]}
    pair = study.comparison("a", "b")
    assert printed[str(pair)]["summary"] == load_summary(pair)
