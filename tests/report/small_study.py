"""A small made-up study, in the exact files of a real one: concepts are word lists, features fire on those words."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import sparse

from samedream import artifacts

WORDS = {
    "chess": "chess opening gambit bishop rook checkmate tournament",
    "chemistry": "acid compound molecule carbon reaction oxide solvent",
    "rivers": "river tributary delta valley basin flood estuary",
    "football": "football striker league goalkeeper cup midfield penalty",
    "plants": "species genus leaf flower shrub perennial seed",
    "war": "army battle siege treaty regiment surrender general",
    "music": "symphony violin sonata orchestra melody composer opera",
    "law": "court constitution statute judge appeal parliament treaty",
    "stars": "star galaxy telescope orbit planet comet nebula",
    "faith": "church bishop temple prayer monk saint scripture",
    "births": "born died buried married baptised daughter son",
    "years": "1848 1914 1939 1871 1066 1789 1945",
    "film": "film actor director scene camera studio premiere",
    "money": "bank currency inflation trade market tax debt",
    "sickness": "fever virus infection vaccine symptom disease patient",
    "numbers": "theorem proof integer equation algebra prime function",
}
FILLER = (
    "It was first described in the region and is still remembered today.",
    "Many later writers returned to the subject at length.",
    "The name comes from an older word of the same meaning.",
)
MODELS = ("SmolLM2-135M", "Gemma-3-270M")
COLUMNS = (
    "side feature partner r r_first r_second score threshold p_value q_value mutual repeat_r repeat_score floor_r "
    "passages firing_rate class"
).split()


@dataclass
class Plan:
    """What the made-up study holds."""

    models: tuple[str, ...] = MODELS
    passages: int = 112
    floor: bool = True
    ceiling: bool = True
    matched: bool = True
    health: bool = True
    labels: bool = True
    extra: list[dict[str, str]] = field(default_factory=list)  # passages of one's own, at the corpus' start
    label: str = ""  # put before every label and keyword
    seed: int = 1


def slug(name: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")


def corpus_rows(plan: Plan) -> list[dict[str, str | None]]:
    rng = np.random.default_rng(plan.seed)
    topics = list(WORDS)
    rows: list[dict[str, str | None]] = [
        {"topic": None, "language": "en", "section": "Abstract", "kind": "abstract"} | passage for passage in plan.extra
    ]
    for n in range(plan.passages):
        topic = topics[n % len(topics)]
        words = rng.permutation(WORDS[topic].split())
        other = rng.choice(WORDS[topics[int(rng.integers(len(topics)))]].split())
        text = (
            f"The {words[0]} of {words[1]} is known for its {words[2]} and, by some accounts, the {words[3]}. "
            f"{FILLER[n % 3]} In the {other} of that time the {words[4]} took the place of every earlier {words[5]}."
        )
        rows.append(
            {
                "article": f"{topic.title()} {n}",
                "section": "Abstract" if n % 4 else "History",
                "text": text,
                "kind": "abstract",
                "language": "en",
                "topic": topic.title(),
            }
        )
    for n, row in enumerate(rows):
        row |= {"passage_id": f"p{n:04d}", "article_id": f"en:{n}", "fold": "label" if n % 5 < 3 else "score"}
    return rows


def feature_words(model: int, seed: int) -> list[tuple[str, list[str]]]:
    """(label, words) of each feature of the n-th model: shared concepts, some only one model has, a dead one."""
    rng = np.random.default_rng(100 + seed)
    found = []
    for place, (topic, words) in enumerate(WORDS.items()):
        if (place + model) % 5 == 4:
            continue  # a concept this model lacks
        some = [str(word) for word in rng.permutation(words.split())]
        found.append((topic, some[: 5 + place % 3]))
        if place % 3 == model % 3:
            found.append((some[0], some[:1]))
    found.append(("the", ["the", "The"]))
    found.append(("never", ["zzzz"]))
    return found


Spans = list[tuple[int, int, float]]


def firings(texts: list[str], features: list[tuple[str, list[str]]], scale: float) -> list[list[Spans]]:
    """[feature][passage] → spans (start, end, value)."""
    found = []
    for number, (_, words) in enumerate(features):
        weights = {word: scale * (1 + (7 * number + 3 * place) % 5) for place, word in enumerate(words)}
        pattern = re.compile("|".join(rf"\b{re.escape(word)}\b" for word in words))
        found.append([[(m.start(), m.end(), weights[m[0]]) for m in pattern.finditer(text)] for text in texts])
    return found


def write_table(path: Path, columns: dict[str, object]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path


def write_features(study: Path, name: str, rows: list[dict[str, str | None]], model: int, seed: int) -> np.ndarray:
    texts = [row["text"] or "" for row in rows]
    features = feature_words(model, seed)
    spans = firings(texts, features, scale=[0.7, 31.0, 4.0][model % 3])
    directory = study / "features" / name
    dense = np.array([[max((s[2] for s in p), default=0) for p in f] for f in spans], np.float32).T
    activity = sparse.csr_matrix(dense)
    activity.sort_indices()
    starts, ends = [], []
    for row in range(len(texts)):
        for feature in activity.indices[activity.indptr[row] : activity.indptr[row + 1]]:
            start, end, _ = max(spans[feature][row], key=lambda s: s[2])
            starts.append(start)
            ends.append(end)
    directory.mkdir(parents=True)
    sparse.save_npz(directory / "activity.npz", activity)
    np.savez(directory / "peaks.npz", start=np.array(starts, np.uint32), end=np.array(ends, np.uint32))
    fired = (dense > 0).sum(0)
    write_table(
        directory / "features.parquet",
        {
            "feature": np.arange(len(features), dtype=np.int32),
            "passages": fired,
            "articles": fired,
            "firing_rate": fired / len(texts),
            "token_density": fired / len(texts) / 40,
            "mean": dense.sum(0) / np.maximum(fired, 1),
            "max": dense.max(0),
            "dead": fired == 0,
            "histogram": [[0] * 20] * len(features),
        },
    )
    write_exemplars(directory / "exemplars.parquet", dense, spans, [str(row["passage_id"]) for row in rows])
    files = [directory / n for n in ("activity.npz", "peaks.npz", "features.parquet", "exemplars.parquet")]
    artifacts.finish(directory, "features", {"top": 6}, inputs={}, counts={"features": len(features)}, files=files)
    return dense


def write_exemplars(path: Path, dense: np.ndarray, spans: list, ids: list[str]) -> None:
    columns: dict[str, list] = {
        name: []
        for name in (
            "feature",
            "rank",
            "passage_id",
            "peak_start",
            "peak_end",
            "value",
            "stratum",
            "span_starts",
            "span_ends",
            "span_values",
        )
    }
    for feature in range(dense.shape[1]):
        order = [int(n) for n in np.argsort(-dense[:, feature], kind="stable") if dense[n, feature] > 0]
        middle = order[6:][len(order[6:]) // 2 :]
        chosen = [(n, "top") for n in order[:6]]
        chosen += [(n, "middle") for n in middle[:2]] + [(n, "weak") for n in middle[2:4]]
        silent = [n for n in range(len(ids)) if dense[n, feature] == 0]
        chosen += [(n, "near miss") for n in silent[:1]]
        for rank, (n, stratum) in enumerate(chosen):
            own = spans[feature][n]
            peak = max(own, key=lambda s: s[2], default=(0, 1, 0.0))
            values = (
                feature,
                rank,
                ids[n],
                peak[0],
                peak[1],
                peak[2],
                stratum,
                [s[0] for s in own],
                [s[1] for s in own],
                [float(s[2]) for s in own],
            )
            for name, value in zip(columns, values, strict=True):
                columns[name].append(value)
    schema = pa.schema(
        [
            ("feature", pa.int32()),
            ("rank", pa.int32()),
            ("passage_id", pa.string()),
            ("peak_start", pa.int32()),
            ("peak_end", pa.int32()),
            ("value", pa.float32()),
            ("stratum", pa.string()),
            ("span_starts", pa.list_(pa.int32())),
            ("span_ends", pa.list_(pa.int32())),
            ("span_values", pa.list_(pa.float32())),
        ]
    )
    pq.write_table(pa.table(columns, schema=schema), path)


def write_labels(study: Path, name: str, features: list[tuple[str, list[str]]], prefix: str) -> None:
    labels = [prefix + ", ".join(words[:3]) for _, words in features]
    path = write_table(
        study / "labels" / name / "labels.parquet",
        {
            "feature": np.arange(len(features), dtype=np.int32),
            "label": labels,
            "keywords": [[prefix + word for word in words] for _, words in features],
            "keyword_scores": [[1.0] * len(words) for _, words in features],
            "trigger_words": [words for _, words in features],
            "topics": [[topic.title()] for topic, _ in features],
            "topic_shares": [[0.82]] * len(features),
            "titles": [[topic] for topic, _ in features],
            "kind": ["topic"] * len(features),
            "status": ["ok"] * len(features),
        },
    )
    artifacts.finish(path.parent, "labels", {"words": 3}, inputs={}, counts={"labels": len(features)}, files=[path])


def correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        whole = np.corrcoef(np.log1p(a).T, np.log1p(b).T)
    return np.nan_to_num(whole[: a.shape[1], a.shape[1] :])


def match_rows(r: np.ndarray, fired: np.ndarray, side: str, plan: Plan) -> list[dict[str, object]]:
    """One side's rows of matches.parquet from the matrix r [own, other]."""
    rng = np.random.default_rng(plan.seed + ord(side))
    best, back = r.argmax(1), r.argmax(0)
    rows = []
    for feature, partner in enumerate(best):
        value = float(r[feature, partner])
        again = min(0.99, max(0.1, value + float(rng.normal(0.06, 0.04)) if feature % 4 else 0.85))
        mutual = bool(back[partner] == feature)
        dead, rare, passed = fired[feature] == 0, fired[feature] < 8, plan.matched and value > 0.45
        kind = (
            "dead"
            if dead
            else "too rare to tell"
            if rare
            else ("one-to-one" if mutual else "one-way")
            if passed
            else "only here"
            if again > 0.5 and plan.ceiling
            else "unstable"
        )
        row = {
            "side": side,
            "feature": feature,
            "partner": None if dead else int(partner),
            "r": value,
            "r_first": value - 0.01,
            "r_second": value + 0.01,
            "score": max(0.0, (value - 0.12) / 0.88),
            "threshold": 0.12 + 0.002 * feature,
            "p_value": 0.005,
            "q_value": 0.008 if passed else 0.4,
            "mutual": mutual,
            "repeat_r": again if plan.ceiling else None,
            "repeat_score": again - 0.1 if plan.ceiling else None,
            "floor_r": 0.05 + 0.1 * float(rng.random()) if plan.floor else None,
            "passages": int(fired[feature]),
            "firing_rate": float(fired[feature]) / plan.passages,
            "class": kind,
        }
        if dead:
            row |= dict.fromkeys(
                (
                    "r",
                    "r_first",
                    "r_second",
                    "score",
                    "threshold",
                    "p_value",
                    "q_value",
                    "repeat_r",
                    "repeat_score",
                    "floor_r",
                )
            )
        rows.append(row)
    return rows


def around(value: float, half: float) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half, "confidence": 0.95}


def both(first: float, second: float, half: float) -> dict[str, dict[str, float]]:
    return {"a_to_b": around(first, half), "b_to_a": around(second, half)}


def write_comparison(study: Path, names: tuple[str, str], dense: tuple[np.ndarray, np.ndarray], plan: Plan) -> None:
    r = correlations(*dense)
    fired = [(side > 0).sum(0) for side in dense]
    rows = match_rows(r, fired[0], "a", plan) + match_rows(r.T, fired[1], "b", plan)
    directory = study / "comparison" / f"{slug(names[0])}--{slug(names[1])}"
    types = {
        "side": pa.string(),
        "feature": pa.int32(),
        "partner": pa.int32(),
        "mutual": pa.bool_(),
        "passages": pa.int64(),
        "class": pa.string(),
    }
    schema = pa.schema([(name, types.get(name, pa.float64())) for name in COLUMNS])
    directory.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), directory / "matches.parquet")
    a, b = names
    whole = plan.floor and plan.ceiling
    summary = {
        "models": [a, b],
        "passages": plan.passages,
        "blocks": plan.passages,
        "features": {a: dense[0].shape[1], b: dense[1].shape[1]},
        "universality": both(0.38, 0.35, 0.02),
        "floor": both(0.06, 0.07, 0.01) if plan.floor else None,
        "ceiling": both(0.45, 0.44, 0.02) if plan.ceiling else None,
        "normalised": both(0.82, 0.76, 0.05) if whole else None,
        "shared_fraction": both(0.74, 0.69, 0.06) if whole else None,
        "granularity": {
            "verdict": "narrower",
            "why": None,
            "measure": "effective_articles",
            "margin": 0.21,
            "a": {"firing_rate": around(0.021, 0.002), "effective_articles": around(14.2, 1.0)},
            "b": {"firing_rate": around(0.034, 0.002), "effective_articles": around(22.9, 1.5)},
            "containment": around(0.11, 0.03),
            "pairs": 41,
            "curves": [
                {
                    "width": [width, width],
                    "a": {"effective_articles": around(scale * 14.2, scale)},
                    "b": {"effective_articles": around(scale * 22.9, scale)},
                }
                for width, scale in ((640, 3), (2560, 1))
            ],
            "splits": {"a": {"from": 640, "to": 2560, "split": 0.14}, "b": None},
            "note": "How to read it.",
        },
        "verdict": f"74 % [68–80 %] of {a}'s stable features are also in {b} and 69 % [63–75 %] of {b}'s "
        f"stable features are also in {a}; on a scale from a random twin (0) to a model's own repeat (1) the "
        "match is 0.82 [0.77–0.87] one way and 0.76 [0.71–0.81] the other."
        if whole
        else "How much they share, we cannot tell from this study.",
        "method": {
            "measure": "Pearson correlation of log1p activity",
            "shuffles": 200,
            "minimum_passages": 8,
            "false_discovery_rate": 0.05,
        },
        "notes": ["One corpus and one dictionary for each model: another could answer otherwise."],
    }
    artifacts.write_json(directory / "summary.json", summary)
    files = [directory / "matches.parquet", directory / "summary.json"]
    artifacts.finish(directory, "comparison", {"shuffles": 200}, inputs={}, counts={"rows": len(rows)}, files=files)


METRICS = (
    ("variance_explained", "variance explained", 0.71, 0.6, None, "how much of the hidden states it can rebuild"),
    ("l0", "features at a time (L0)", 32.4, None, None, "how many features are active on one token"),
    ("dead_share", "dead features", 0.31, 0.05, 0.2, "share of features that never fire"),
    ("density", "how often it fires (density)", 0.031, 0.02, 0.1, "share of features active on one sample"),
    ("gini", "evenness of use (Gini)", 0.48, 0.2, 0.6, "0: all used alike; 1: one does everything"),
    ("decoder_cosine_max", "nearest two features (decoder cosine, max)", 0.98, None, 0.95, "near 1 means duplicates"),
)


def write_sae(study: Path, name: str, number: int, plan: Plan) -> None:
    directory = study / "sae" / name / f"seed-{4738 + number}"
    metrics = []
    for key, words, value, low, high, meaning in METRICS if plan.health else ():
        value *= 1 - 0.4 * number if key == "dead_share" else 1
        good = None
        if low is not None or high is not None:
            good = (low is None or value >= low) and (high is None or value <= high)
        metrics.append(
            {
                "key": key,
                "name": words,
                "value": value,
                "low": low,
                "high": high,
                "healthy": good,
                "advice": "" if good is not False else "raise topkFeatures, or train on more passages",
                "meaning": meaning,
            }
        )
    path = directory / "health.json"
    artifacts.write_json(path, {"rows": 2048, "metrics": metrics})
    artifacts.finish(directory, "sae", {"seed": 4738 + number, "k": 32}, inputs={}, counts={"rows": 2048}, files=[path])


def make_study(directory: Path, plan: Plan | None = None) -> Path:
    """Write the study and return its directory."""
    plan = plan or Plan()
    rows = corpus_rows(plan)
    names = ("passage_id", "article_id", "article", "section", "kind", "language", "topic", "text", "fold")
    columns = {name: [row[name] for row in rows] for name in names}
    path = write_table(directory / "corpus" / "passages.parquet", columns)
    counts = {"read": 200, "kept": len(rows), "dropped": {"near duplicate": 31, "too short": 9}}
    config = {"source": "/home/someone/wiki.jsonl", "passage_characters": 250}
    artifacts.finish(path.parent, "corpus", config, inputs={}, counts=counts, files=[path])
    dense = []
    for number, model in enumerate(plan.models):
        dense.append(write_features(directory, slug(model), rows, number, seed=number))
        if plan.labels:
            write_labels(directory, slug(model), feature_words(number, number), plan.label)
        write_sae(directory, slug(model), number, plan)
    for first in range(len(plan.models)):
        for second in range(first + 1, len(plan.models)):
            write_comparison(directory, (plan.models[first], plan.models[second]), (dense[first], dense[second]), plan)
    (directory / "study.json").write_text(json.dumps({"name": "small"}))
    return directory
