"""Loading a subject model and its tokenizer; a random twin gets fresh weights."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from samedream.activations.config import HarvestConfig
from samedream.activations.conversion import is_conversion, quiet
from samedream.activations.processor import compute_dtype, device
from samedream.activations.sources import ModelFiles
from samedream.errors import CorruptWeightsError, ModelError


class NoNextToken(Exception):  # noqa: N818 (not an error: there is a figure less)
    """A model that predicts no next token was asked to; the message says why it does not, without a path."""


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to read.

    Attributes:
        source: What the user called it.
        model: The model in evaluation mode, without its output head unless that was asked for.
        tokenizer: Its fast tokenizer.
        context_tokens: Tokens it can read at once, or None when its configuration does not say.
    """

    source: str
    model: Any
    tokenizer: Any
    context_tokens: int | None


def read_config(files: ModelFiles, config: HarvestConfig) -> Any:
    """The model's own configuration.

    Raises:
        ModelError: An architecture that transformers does not know, or an encoder-decoder.
    """
    from transformers import AutoConfig

    try:
        found = AutoConfig.from_pretrained(
            files.directory, local_files_only=True, trust_remote_code=config.allow_remote_code
        )
    except (ValueError, KeyError, OSError, TypeError) as error:
        raise ModelError(
            f"{files.source}: transformers cannot read {files.directory / 'config.json'} ({error})"
        ) from error
    if getattr(found, "is_encoder_decoder", False):
        raise ModelError(f"{files.source} is an encoder-decoder; causal and encoder models can be read")
    found.get_text_config().use_cache = False
    return found


def block_count(files: ModelFiles, model_config: Any) -> int:
    """How many blocks a model has, from its configuration.

    Raises:
        ModelError: The configuration does not say.
    """
    count = getattr(model_config.get_text_config(), "num_hidden_layers", None)
    if not isinstance(count, int) or count < 1:
        raise ModelError(f"{files.source}: its configuration has no num_hidden_layers, so its blocks cannot be told")
    return count


def load(files: ModelFiles, config: HarvestConfig, *, head: bool = False) -> LoadedModel:
    """Load a model to read hidden states from.

    Args:
        files: Where it is.
        config: Settings.
        head: With the output head that predicts the next token; not for a random twin.

    Raises:
        NoNextToken: The head was asked for and there is none.
        CorruptWeightsError: The weights are truncated, damaged or incomplete.
        ModelError: transformers cannot load it, or it has no fast tokenizer.
    """
    model_config = read_config(files, config)
    if head:
        _check_head(files, model_config)
    where = device()
    dtype = compute_dtype(config.dtype, where)
    with quiet():
        tokenizer = _tokenizer(files, config)
        if files.random:
            model = _random_twin(model_config, config, seed=files.twin_seed)
        else:
            model = _trained(files, model_config, config, dtype=dtype, head=head)
    model = model.to(device=where, dtype=dtype).eval()
    limit = getattr(model_config.get_text_config(), "max_position_embeddings", None)
    return LoadedModel(files.source, model, tokenizer, limit if isinstance(limit, int) and limit > 0 else None)


def _check_head(files: ModelFiles, model_config: Any) -> None:
    """Refuse, before anything is loaded, what cannot have a head for the next token."""
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    )

    kind = model_config.model_type
    encoder = kind in MODEL_FOR_MASKED_LM_MAPPING_NAMES and not getattr(model_config, "is_decoder", False)
    if encoder or kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        raise NoNextToken(f"{kind} models do not predict the next token")
    if is_conversion(files.directory) and not model_config.get_text_config().tie_word_embeddings:
        raise NoNextToken("a converted GGUF keeps no output head but the one that its token embeddings are")


def _tokenizer(files: ModelFiles, config: HarvestConfig) -> Any:
    from transformers import AutoTokenizer

    if is_conversion(files.directory):
        return _converted_tokenizer(files.directory)
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            files.directory, local_files_only=True, trust_remote_code=config.allow_remote_code
        )
    except Exception as error:  # a damaged tokenizer.json raises a bare Exception
        raise ModelError(f"{files.source}: its tokenizer cannot be loaded from {files.directory} ({error})") from error
    if not tokenizer.is_fast:
        raise ModelError(
            f"{files.source} has no fast tokenizer, so its tokens' characters cannot be told; "
            f"add a tokenizer.json to {files.directory}"
        )
    return tokenizer


def _converted_tokenizer(directory: Path) -> Any:
    """The tokenizer of a conversion of ours: its file parsed once, where AutoTokenizer does so twice (262k words)."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    given = json.loads((directory / "tokenizer_config.json").read_text(encoding="utf-8"))
    special = {key: value for key, value in given.items() if key.endswith("_token") and isinstance(value, str)}
    words = Tokenizer.from_file(str(directory / "tokenizer.json"))
    return PreTrainedTokenizerFast(tokenizer_object=words, **special)  # type: ignore[no-untyped-call]


def _random_twin(model_config: Any, config: HarvestConfig, *, seed: int) -> Any:
    """The same architecture with fresh weights, drawn in float32 whatever it computes in: the same twin everywhere."""
    from transformers import AutoModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return AutoModel.from_config(  # type: ignore[no-untyped-call]
            model_config, dtype=torch.float32, trust_remote_code=config.allow_remote_code
        )


def _trained(files: ModelFiles, model_config: Any, config: HarvestConfig, *, dtype: torch.dtype, head: bool) -> Any:
    from safetensors import SafetensorError
    from transformers import AutoModel, AutoModelForCausalLM

    kind: Any = AutoModelForCausalLM if head else AutoModel
    pickled = not any(files.directory.glob("*.safetensors"))  # only when allowed by name: `sources` refused it else
    try:
        model, info = kind.from_pretrained(
            files.directory,
            config=model_config,
            dtype=dtype,
            use_safetensors=not pickled,
            output_loading_info=True,
            local_files_only=True,
            trust_remote_code=config.allow_remote_code,
        )
    except SafetensorError as error:
        raise CorruptWeightsError(
            f"{files.source}: the weights in {files.directory} are damaged or truncated ({error}); get them again"
        ) from error
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        raise ModelError(f"{files.source}: transformers cannot load {files.directory} ({error})") from error
    missing = sorted(name for name in info["missing_keys"] if "pooler" not in name)  # a pooler is above the last block
    if head and missing and not any(name.startswith(f"{model.base_model_prefix}.") for name in missing):
        raise NoNextToken(f"its weights hold no output head ({missing[0]})")
    if missing:
        raise CorruptWeightsError(
            f"{files.source}: {len(missing)} weights are missing in {files.directory}, among "
            f"them {missing[0]}; get them again"
        )
    return model
