"""Write tiny dictionaries of every kind with the peers' own code, and what that code encodes and decodes with them.

Run with a Python that has the peers (`make peers`), never with the project's own:

    PYTHON_WITH_PEERS tests/sae/interop/write_fixtures.py tests/sae/data

One directory per kind: the dictionary as the peer saves it, and `expected.safetensors`: rows [32, d], features
[32, F] and reconstruction [32, d], from the peer's own reading of that directory. No samedream is imported.
"""
# ruff: noqa: E402  (stand-ins have to be there before dictionary_learning is imported)

import json
import sys
import tempfile
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import datasets  # noqa: F401  (looks for zstandard, so it comes before the stand-in below)
import numpy as np
import torch
from safetensors.torch import save_file

# dictionary_learning imports these for reading models and corpora only
sys.modules["nnsight"] = types.SimpleNamespace(LanguageModel=object)
sys.modules.setdefault("zstandard", types.ModuleType("zstandard"))

from dictionary_learning.trainers.batch_top_k import BatchTopKTrainer
from dictionary_learning.trainers.gdm import GatedSAETrainer
from dictionary_learning.trainers.jumprelu import JumpReluTrainer
from dictionary_learning.trainers.matryoshka_batch_top_k import MatryoshkaBatchTopKTrainer
from dictionary_learning.trainers.standard import StandardTrainer, StandardTrainerAprilUpdate
from dictionary_learning.trainers.top_k import TopKTrainer
from dictionary_learning.training import trainSAE
from dictionary_learning.utils import load_dictionary
from sae_lens import (
    SAE,
    BatchTopKTrainingSAE,
    BatchTopKTrainingSAEConfig,
    GatedSAE,
    GatedSAEConfig,
    JumpReLUSAE,
    JumpReLUSAEConfig,
    MatryoshkaBatchTopKTrainingSAE,
    MatryoshkaBatchTopKTrainingSAEConfig,
    StandardSAE,
    StandardSAEConfig,
    TopKSAE,
    TopKSAEConfig,
)
from sae_lens.loading import pretrained_sae_loaders as loaders
from sae_lens.saes.sae import SAEMetadata
from sparsify import SparseCoder, SparseCoderConfig

D, F, K = 8, 24, 4
CENTRE = torch.linspace(-3, 5, D)


def hidden_states(count: int, seed: int) -> torch.Tensor:
    """Far from centred, as hidden states are."""
    return 2 * torch.randn(count, D, generator=torch.Generator().manual_seed(seed)) + CENTRE


ROWS = hidden_states(32, 7)


def expect(directory: Path, encode: Callable, decode: Callable) -> None:
    """Write down what the peer makes of the rows."""
    with torch.no_grad():
        features = encode(ROWS.clone())
        reconstruction = decode(features)
    assert 0 < features.count_nonzero() < features.numel(), directory
    found = {"rows": ROWS, "features": features, "reconstruction": reconstruction}
    save_file({name: tensor.float().contiguous() for name, tensor in found.items()}, directory / "expected.safetensors")


def randomise(sae: torch.nn.Module) -> None:
    """Weights that leave nothing to chance: decoder rows of unequal length, biases that are not 0."""
    generator = torch.Generator().manual_seed(11)
    for name, parameter in sorted(sae.named_parameters()):
        values = 0.5 * torch.randn(parameter.shape, generator=generator)
        if name == "threshold":
            values = values.abs() + 0.5
        if name == "b_dec":
            values += CENTRE
        parameter.data = values
    if "topk_threshold" in dict(sae.named_buffers()):
        sae.topk_threshold.fill_(1.25)


METADATA = {"model_name": "gpt2-small", "hook_name": "blocks.5.hook_resid_post", "context_size": 128}


def saelens(out: Path) -> None:
    """Inference dictionaries, saved by `save_model`; training checkpoints too, whose truth is the inference model."""
    common = {"d_in": D, "d_sae": F}
    inference = {
        "standard": (StandardSAE, StandardSAEConfig(**common)),
        "jumprelu": (JumpReLUSAE, JumpReLUSAEConfig(**common)),
        "jumprelu-uncentred": (JumpReLUSAE, JumpReLUSAEConfig(**common, apply_b_dec_to_input=False)),
        "topk": (TopKSAE, TopKSAEConfig(**common, k=K)),
        "topk-rescaled": (TopKSAE, TopKSAEConfig(**common, k=K, rescale_acts_by_decoder_norm=True)),
        "gated": (GatedSAE, GatedSAEConfig(**common)),
    }
    for name, (kind, config) in inference.items():
        config.metadata = SAEMetadata(**METADATA)
        sae = kind(config)
        randomise(sae)
        sae.save_model(out / f"saelens-{name}")
        again = SAE.load_from_disk(out / f"saelens-{name}")
        expect(out / f"saelens-{name}", again.encode, again.decode)
    batch = BatchTopKTrainingSAEConfig(**common, k=K, metadata=SAEMetadata(**METADATA))
    nested = MatryoshkaBatchTopKTrainingSAEConfig(
        **common, k=K, matryoshka_widths=[F // 4, F], rescale_acts_by_decoder_norm=False
    )
    checkpoints = {"batchtopk": BatchTopKTrainingSAE(batch), "matryoshka": MatryoshkaBatchTopKTrainingSAE(nested)}
    for name, sae in checkpoints.items():
        randomise(sae)
        sae.save_model(out / f"saelens-{name}-checkpoint")
        with tempfile.TemporaryDirectory() as inferred:
            sae.save_inference_model(inferred)
            again = SAE.load_from_disk(inferred)
            expect(out / f"saelens-{name}-checkpoint", again.encode, again.decode)


def saelens_5(out: Path) -> None:
    """The configuration as releases before 6 wrote it; SAELens 6 still opens it, and says what it encodes."""
    old = {"d_in": D, "d_sae": F, "dtype": "float32", "device": "cpu", "finetuning_scaling_factor": False,
           "apply_b_dec_to_input": True, "normalize_activations": "none", "prepend_bos": True, "context_size": 128,
           "sae_lens_training_version": "3.20.0", "neuronpedia_id": None}  # fmt: skip
    kinds = {
        "standard": {"activation_fn_str": "relu", "model_name": "gpt2-small", "hook_name": "blocks.5.hook_resid_pre"},
        "topk": {"architecture": "standard", "activation_fn_str": "topk", "activation_fn_kwargs": {"k": K},
                 "model_name": "gpt2-small", "hook_point": "blocks.5.hook_resid_post"},
    }  # fmt: skip
    for name, own in kinds.items():
        directory = out / f"saelens5-{name}"
        kind = StandardSAE(StandardSAEConfig(d_in=D, d_sae=F))
        randomise(kind)
        kind.save_model(directory)
        (directory / "cfg.json").write_text(json.dumps(old | own))
        again = SAE.load_from_disk(directory)
        expect(directory, again.encode, again.decode)


class Batches:
    """A buffer's place in `trainSAE`: batches, and a configuration that is saved beside the dictionary."""

    config = {"d_submodule": D, "ctx_len": 128}

    def __iter__(self) -> Iterator[torch.Tensor]:
        for step in range(1000):
            yield hidden_states(64, 1000 + step)


def dictionary_learning(out: Path) -> None:
    """Trained for some steps and saved by `trainSAE` itself, which folds its scaling into the biases."""
    steps = 60
    common = {"steps": steps, "activation_dim": D, "dict_size": F, "layer": 3, "lm_name": "EleutherAI/pythia-70m",
              "lr": 3e-3, "seed": 0, "device": "cpu", "submodule_name": "resid_post_layer_3"}  # fmt: skip
    top = {"k": K, "warmup_steps": 2, "threshold_start_step": 5, "threshold_beta": 0.9}
    sparse = {"warmup_steps": 2, "sparsity_warmup_steps": 5}
    trainers = {
        "standard": {"trainer": StandardTrainer, "l1_penalty": 0.05, **sparse},
        "april": {"trainer": StandardTrainerAprilUpdate, "l1_penalty": 0.05, **sparse},
        "topk": {"trainer": TopKTrainer, **top},
        "batchtopk": {"trainer": BatchTopKTrainer, **top},
        "matryoshka": {"trainer": MatryoshkaBatchTopKTrainer, "group_fractions": [0.25, 0.75], **top},
        "jumprelu": {"trainer": JumpReluTrainer, "sparsity_penalty": 1.0, "target_l0": float(K), **sparse},
        "gated": {"trainer": GatedSAETrainer, "l1_penalty": 0.05, **sparse},
    }
    with tempfile.TemporaryDirectory() as made:
        trainSAE(
            Batches(), [common | own for own in trainers.values()], steps=steps, save_dir=made,
            normalize_activations=True, device="cpu",
        )  # fmt: skip
        for number, name in enumerate(trainers):
            directory = out / f"dictionary_learning-{name}"
            (Path(made) / f"trainer_{number}").rename(directory)
            dictionary, _ = load_dictionary(str(directory), "cpu")
            expect(directory, dictionary.encode, dictionary.decode)


def sparsify(out: Path) -> None:
    """A run's directory: its configuration above, one directory per hookpoint."""
    directory = out / "sparsify-topk" / "layers.5"
    coder = SparseCoder(D, SparseCoderConfig(num_latents=F, k=K))
    randomise(coder)
    coder.encoder.bias.data -= 2.5  # some rows have fewer than k features above 0
    coder.save_to_disk(directory)
    (directory.parent / "config.json").write_text(json.dumps({"model": "HuggingFaceTB/SmolLM2-135M"}))
    again = SparseCoder.load_from_disk(directory)

    def encode(rows: torch.Tensor) -> torch.Tensor:
        found = again.encode(rows)
        return torch.zeros(len(rows), F).scatter(1, found.top_indices, found.top_acts)

    def decode(features: torch.Tensor) -> torch.Tensor:
        values, indices = features.topk(K)
        return again.decode(values, indices)

    expect(directory, encode, decode)


def gemma_scope(out: Path) -> None:
    """No library of Gemma Scope's writes its files; SAELens reads them, here from a directory in place of the hub."""
    sae = JumpReLUSAE(JumpReLUSAEConfig(d_in=D, d_sae=F))
    randomise(sae)
    tensors = {name: tensor.detach() for name, tensor in sae.state_dict().items()}
    first = out / "gemma_scope-npz" / "layer_5" / "width_24" / "average_l0_4"
    first.mkdir(parents=True)
    np.savez(first / "params.npz", **{name: tensor.numpy() for name, tensor in tensors.items()})
    second = out / "gemma_scope-safetensors" / "resid_post" / "layer_5_width_24_l0_small"
    second.mkdir(parents=True)
    save_file({name.lower(): tensor.contiguous() for name, tensor in tensors.items()}, second / "params.safetensors")
    config = {"architecture": "jump_relu", "model_name": "gemma-v3-270m-pt", "width": F,
              "hf_hook_point_in": "model.layers.5.output", "hf_hook_point_out": "model.layers.5.output",
              "affine_connection": False}  # fmt: skip
    (second / "config.json").write_text(json.dumps(config))

    def local(repo_id: str, filename: str, subfolder: str = "", **_: object) -> str:
        return str(out / repo_id.split("/")[1] / subfolder / filename)

    shapes = {name.lower(): list(tensor.shape) for name, tensor in tensors.items()}
    for directory, read in (
        (first, loaders.gemma_2_sae_huggingface_loader),
        (second, loaders.gemma_3_sae_huggingface_loader),
    ):
        top = directory.relative_to(out).parts[0]

        def convert(path: Path, device: str, cfg_overrides: object, read: Callable = read, top: str = top) -> tuple:
            folder = str(Path(path).relative_to(out / top))
            width = {"d_in": D, "d_sae": F}
            repository = f"google/{top}"
            with (
                mock.patch.object(loaders, "hf_hub_download", local),
                mock.patch.object(loaders, "get_safetensors_tensor_shapes", lambda *_: shapes),
                mock.patch.object(loaders, "get_gemma_2_config_from_hf", gemma_2_config),
            ):
                return read(repository, folder, device, cfg_overrides=width)[:2]

        again = SAE.load_from_disk(directory, converter=convert)
        expect(directory, again.encode, again.decode)


def gemma_2_config(repo_id: str, folder: str, device: str, *_: object) -> dict:
    """SAELens' own configuration for the 2B model's residual stream, at this size."""
    own = _GEMMA_2("google/gemma-scope-2b-pt-res", folder, device)
    return own | {"d_in": D, "d_sae": F}


_GEMMA_2 = loaders.get_gemma_2_config_from_hf

if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    for write in (saelens, saelens_5, dictionary_learning, sparsify, gemma_scope):
        write(target)
