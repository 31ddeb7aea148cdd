"""Settings: the preset, what excludes what."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from samedream.sae.config import SAEConfig
from samedream.sae.plan import make_plan


def test_original_is_the_write_up():
    config = SAEConfig(preset="original")
    assert config.model_dump(mode="json") == {
        "preset": "original",
        "variant": "l1_topk",
        "expansion": 4.0,
        "width": None,
        "k": 64,
        "l1_strength": 0.001,
        "nested": None,
        "learning_rate": 0.001,
        "batch_rows": 512,
        "steps": None,
        "epochs": 100.0,
        "aux_k": None,
        "moments": [],
        "patience": None,
        "layer": None,
        "articles": "all",
        "downstream_passages": 48,
        "seed": 4738,
    }
    assert config.penalty() == 1e-3


def test_keys_beside_the_preset_win():
    config = SAEConfig(preset="original", k=32, seed=1, steps=50)
    assert (config.k, config.seed, config.steps, config.epochs, config.batch_rows) == (32, 1, 50, None, 512)
    assert SAEConfig(preset="original", variant="topk").penalty() == 0.0


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"preset": "original"},
        {"preset": "original", "k": 8, "steps": 3},
        {"variant": "matryoshka", "nested": (0.5, 1.0)},
    ],
)
def test_resolved_settings_resolve_to_themselves(given):
    config = SAEConfig(**given)
    assert SAEConfig(**config.model_dump(mode="json")) == config


def test_penalty():
    assert SAEConfig().penalty() == 0.0
    assert SAEConfig(variant="l1_topk").penalty() == 1e-3
    assert SAEConfig(variant="l1").penalty() == 7e-3
    assert SAEConfig(variant="l1_topk", l1_strength=0).penalty() == 0.0


def test_nested_shares():
    assert SAEConfig(variant="matryoshka").nested_shares() == (0.0625, 0.125, 0.25, 0.5, 1.0)
    assert SAEConfig(variant="matryoshka", nested=[0.2, 1]).nested_shares() == (0.2, 1.0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"steps": 5, "epochs": 2}, "steps (5) and epochs (2) say the same thing: give one of them"),
        (
            {"l1_strength": 0.1},
            'l1_strength acts on variants "l1_topk" and "l1" only, the variant is "batchtopk": leave it out, '
            'or set variant = "l1_topk"',
        ),
        (
            {"nested": (0.5, 1)},
            'nested acts on variant "matryoshka" only, the variant is "batchtopk": leave it out, or set '
            'variant = "matryoshka"',
        ),
        *(
            (
                {"variant": "matryoshka", "nested": shares},
                f"nested is {shares}: expected shares of the features above 0, ascending, the last one 1",
            )
            for shares in ([0.5], [], [0.5, 0.25, 1.0], [0.5, 0.5, 1.0], [0.0, 1.0], [1.0, 2.0])
        ),
        ({"topk": 3}, "Extra inputs are not permitted"),
        ({"k": 0}, "Input should be greater than or equal to 1"),
        ({"epochs": float("inf")}, "Input should be a finite number"),
        ({"seed": 2**63}, "Input should be less than 9223372036854775808"),
    ],
)
def test_bad_settings(given, message):
    with pytest.raises(ValidationError) as error:
        SAEConfig(**given)
    assert message in str(error.value)


def test_plan_of_the_defaults():
    plan = make_plan(SAEConfig(), 80_000, 576)
    assert (plan.width, plan.batch_rows, plan.steps, plan.aux_k, plan.dead_after) == (2304, 1024, 1200, 288, 60)
    assert plan.learning_rate == pytest.approx(3e-3 * (1000 / 1200) ** 0.5)


@pytest.mark.parametrize(
    ("width", "steps", "rate"),
    [
        (2560, 1000, 3e-3), (10240, 1000, 3e-3), (2**16, 1000, 1.5e-3),  # four times 2^14: half
        (2560, 4000, 1.5e-3), (2560, 100_000, 3e-4), (10240, 150, 5e-3),  # the most
    ],
)  # fmt: skip
def test_the_rate_falls_with_the_steps_and_with_wide_dictionaries(width, steps, rate):
    plan = make_plan(SAEConfig(width=width, steps=steps), 10**6, 640)
    assert plan.learning_rate == pytest.approx(rate)


def test_plan_counts_steps():
    # 1,000 rows: 15 full batches of 64 an epoch
    assert make_plan(SAEConfig(batch_rows=64, epochs=2, k=4), 1000, 16).steps == 30
    assert make_plan(SAEConfig(batch_rows=64, steps=7, k=4), 1000, 16).steps == 7
    assert make_plan(SAEConfig(k=4), 500, 16).batch_rows == 500
    # at least one epoch, however many rows
    assert make_plan(SAEConfig(), 10**9, 576).steps == 10**9 // 1024


def test_config_imports_no_torch():
    code = "import sys, samedream.sae.config; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
