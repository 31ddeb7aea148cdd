import json

import numpy as np
import pytest
from typer.testing import CliRunner

from samedream.comparison.config import ComparisonConfig
from samedream.planted import selftest as module
from samedream.planted.selftest import Check, Size, known_answers, planted_checks, selftest, split_checks
from samedream.planted.trials import Reading

SMALL = Size(left=120, right=150, passages=2000)


def test_known_answers_hold_on_a_small_pair():
    checks = list(known_answers(0, SMALL, config=ComparisonConfig(permutations=20, dense=False)))
    zero = "0 within its interval"
    assert [check.expected for check in checks] == ["1.000", zero, zero, ".9 to 1.1", zero, "1.000"]
    assert all(check.holds for check in checks)
    assert checks[0].value == pytest.approx(1.0, abs=1e-6)
    assert checks[1].value < 0.05


def test_a_mark_that_is_missed_is_said():
    good = Reading(truth=0.5, value=0.51, low=0.4, high=0.6, passes=20, false=1)
    bad = Reading(truth=0.5, value=0.75, low=0.7, high=0.8, passes=20, false=5)
    checks = list(planted_checks({0.5: [good, bad]}))
    assert [check.name for check in checks] == [
        "50% planted: mean error",
        "50% planted: errors of at most .1",
        "50% planted: intervals that hold the truth",
        "50% planted: false discoveries",
    ]
    assert [check.value for check in checks] == pytest.approx([0.13, 0.5, 0.5, 0.15])
    assert not any(check.holds for check in checks)
    assert all(check.holds for check in planted_checks({0.5: [good]}))


def test_splits_below_the_mark_are_said():
    checks = list(split_checks({"splits_precision": 0.9, "splits_recall": 0.7}))
    assert [(check.name, check.holds) for check in checks] == [
        ("planted splits, precision", True), ("planted splits, recall", False),
    ]  # fmt: skip


@pytest.mark.slow
def test_all_of_it_on_small_pairs():
    checks = selftest(1, size=SMALL)
    assert len(checks) == 5 * 4 + 4 + 6
    assert np.mean([check.holds for check in checks]) > 0.8


def test_the_command_prints_a_table_or_json_and_fails_when_a_mark_is_missed(monkeypatch):
    from samedream.cli import app

    made = [Check("50% planted: mean error", 0.02, "at most .05", True)]
    monkeypatch.setattr(module, "selftest", lambda draws, seed: made)
    table = CliRunner().invoke(app, ["selftest"])
    assert table.exit_code == 0
    assert "50% planted: mean error" in table.stdout
    assert "0.020" in table.stdout
    assert "holds" in table.stdout
    made.append(Check("a known answer", 0.5, "1.000", False))
    failed = CliRunner().invoke(app, ["selftest", "--json", "--draws", "1"])
    assert failed.exit_code == 1
    assert "With 1 draws that may be chance" in failed.stderr
    enough = CliRunner().invoke(app, ["selftest", "--draws", "20"])
    assert enough.exit_code == 1
    assert "may be chance" not in enough.stderr
    assert json.loads(failed.stdout)[1] == {
        "name": "a known answer", "value": 0.5, "expected": "1.000", "holds": False,
    }  # fmt: skip
