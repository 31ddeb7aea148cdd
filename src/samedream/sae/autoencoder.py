"""A trained dictionary: raw hidden states in, features out, and back."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import torch

from samedream.errors import TrainingError
from samedream.sae.gradients import Parameters
from samedream.sae.interop import saelens
from samedream.sae.interop.weights import Weights
from samedream.sae.scaling import Scaling
from samedream.sae.selection import largest_per_row
from samedream.sae.variants.protocol import Architecture


class SparseAutoencoder:
    """f = act((x - b_dec) W_enc + b_enc);  x' = f W_dec + b_dec.

    `act` is JumpReLU (Rajamanoharan et al. 2024, arXiv:2407.14435: what is above the threshold, else 0) or TopK (the k
    largest of each row, then ReLU). Centring and scaling are inside the weights: hidden states go in as the model gives
    them, and reconstructions come out the same way.

    Attributes:
        W_enc: float32 [d_in, d_sae].
        b_enc: float32 [d_sae].
        W_dec: float32 [d_sae, d_in]; all rows of a dictionary trained here have the same norm.
        b_dec: float32 [d_in].
        threshold: float32 [d_sae] for "jumprelu", None for "topk".
        k: Features per row for "topk", None for "jumprelu".
        apply_b_dec_to_input: Whether b_dec is subtracted before encoding: true for everything trained here.
        metadata: SAELens' metadata: where the dictionary is from.
    """

    def __init__(
        self,
        architecture: Architecture,
        weights: Mapping[str, torch.Tensor],
        *,
        k: int | None = None,
        apply_b_dec_to_input: bool = True,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Hold weights that fit each other.

        Args:
            architecture: "jumprelu" (weights hold a threshold) or "topk" (k is given).
            weights: W_enc, b_enc, W_dec, b_dec and, for jumprelu, threshold.
            k: For topk.
            apply_b_dec_to_input: Whether b_dec is subtracted before encoding.
            metadata: Where the dictionary is from.
        """
        self.architecture, self.k = architecture, k
        self.W_enc, self.b_enc = weights["W_enc"], weights["b_enc"]
        self.W_dec, self.b_dec = weights["W_dec"], weights["b_dec"]
        self.threshold = weights.get("threshold")
        self.apply_b_dec_to_input = apply_b_dec_to_input
        self.metadata = dict(metadata or {})

    @classmethod
    def folded(
        cls,
        weights: Parameters,
        scaling: Scaling,
        *,
        threshold: float | torch.Tensor | None,
        k: int,
        metadata: Mapping[str, Any],
    ) -> Self:
        """Fold centre and scale into trained weights.

        With x' = (x - c) s the decoder's bias becomes c + b / s, the encoder s W, the decoder W / s. Subtracting the
        decoder's bias from the input first, rather than writing it into the encoder's bias, keeps the differences small
        numbers where the mean is large.

        Args:
            weights: As trained, on centred and scaled rows.
            scaling: What was done to the rows.
            threshold: For JumpReLU, one or one for each feature, float32 [features], in the units of the scaled rows'
                activations, which folding keeps; None for TopK.
            k: For TopK.
            metadata: Where the dictionary is from.
        """
        scale, encoder, bias = scaling.scale, weights.encoder.double(), weights.decoder_bias.double()
        tensors = {
            "W_enc": (encoder.T * scale).float().contiguous(),
            "b_enc": (weights.encoder_bias.double() + encoder @ bias).float(),
            "W_dec": (weights.decoder.double() / scale).float(),
            "b_dec": (scaling.centre.double() + bias / scale).float(),
        }
        if threshold is None:
            return cls("topk", tensors, k=k, metadata=metadata)
        tensors["threshold"] = torch.zeros_like(tensors["b_enc"]).copy_(torch.as_tensor(threshold))
        return cls("jumprelu", tensors, metadata=metadata)

    @property
    def d_in(self) -> int:
        """Width of the hidden states."""
        return self.W_enc.shape[0]

    @property
    def d_sae(self) -> int:
        """Number of features."""
        return self.W_enc.shape[1]

    def pre_activations(self, x: torch.Tensor) -> torch.Tensor:
        """What `encode` chooses from.

        Args:
            x: Raw hidden states, float32 [rows, d_in].

        Returns:
            float32 [rows, d_sae].

        Raises:
            TrainingError: The width is another one.
        """
        x = self._rows(x, "hidden states", self.d_in)
        centred = x - self.b_dec if self.apply_b_dec_to_input else x
        return torch.addmm(self.b_enc, centred, self.W_enc)

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Features of hidden states.

        Args:
            x: Raw hidden states, float32 [rows, d_in].

        Returns:
            Activations, ≥ 0, float32 [rows, d_sae], in units in which hidden states have mean squared norm d_in: all
            directions of a dictionary trained here have the same length, so activations compare between features.

        Raises:
            TrainingError: The width is another one.
        """
        return self.activate(self.pre_activations(x))

    def activate(self, pre: torch.Tensor) -> torch.Tensor:
        """The activation function: what of the pre-activations, float32 [rows, d_sae], fires; 0 elsewhere."""
        if self.threshold is not None:
            return torch.where(pre > self.threshold, pre, 0.0).relu_()
        assert self.k is not None  # a topk dictionary is made with k
        chosen = torch.from_numpy(largest_per_row(pre, self.k))
        features = torch.zeros_like(pre)
        features.view(-1)[chosen] = pre.view(-1)[chosen]
        return features

    def decode(self, features: torch.Tensor) -> torch.Tensor:
        """Hidden states from features.

        Args:
            features: float32 [rows, d_sae].

        Returns:
            float32 [rows, d_in], in the model's own units.

        Raises:
            TrainingError: There is another number of features.
        """
        return torch.addmm(self.b_dec, self._rows(features, "features", self.d_sae), self.W_dec)

    def _rows(self, given: torch.Tensor, what: str, width: int) -> torch.Tensor:
        """Rows that fit, float32."""
        if not isinstance(given, torch.Tensor):
            raise TrainingError(
                f"{what} are a {type(given).__name__}, expected a torch tensor [rows, {width}]; torch.from_numpy makes "
                f"one of an array"
            )
        if given.ndim != 2 or given.shape[1] != width:
            raise TrainingError(
                f"{what} of shape {list(given.shape)}, expected [rows, {width}]: this dictionary was trained on "
                f"{self.metadata.get('hook_name') or 'a layer'} of {self.metadata.get('model_name') or 'another model'}"
            )
        return given.to(self.W_enc.dtype)

    def config(self) -> dict[str, Any]:
        """SAELens' configuration of this dictionary."""
        config: dict[str, Any] = {
            "architecture": self.architecture,
            "d_in": self.d_in,
            "d_sae": self.d_sae,
            "dtype": "float32",
            "device": "cpu",
            "apply_b_dec_to_input": self.apply_b_dec_to_input,
            "normalize_activations": "none",
            "reshape_activations": "none",
            "metadata": {
                "sae_lens_training_version": None,
                "model_name": None,
                "hook_name": None,
                "hook_head_index": None,
                **self.metadata,
                "sae_lens_version": saelens.VERSION,  # of this layout, whatever the dictionary was trained with
            },
        }
        if self.architecture == "topk":
            config |= {"k": self.k, "rescale_acts_by_decoder_norm": False}
        return config

    def save(self, directory: Path | str) -> list[Path]:
        """Write the dictionary as SAELens 6 does; `SAE.load_from_disk` opens it as it is.

        Returns:
            The files written.
        """
        tensors = {"W_enc": self.W_enc, "b_enc": self.b_enc, "W_dec": self.W_dec, "b_dec": self.b_dec}
        if self.threshold is not None:
            tensors["threshold"] = self.threshold
        return saelens.write(Path(directory), self.config(), tensors)

    @classmethod
    def load(cls, directory: Path | str) -> Self:
        """Read a dictionary that `save`, or SAELens, wrote; `samedream.sae.interop.open_dictionary` reads others too.

        Raises:
            MissingArtifactError: There is none.
            CorruptArtifactError: A file is damaged, or of a kind that is not read.
        """
        return cls.of(saelens.read(Path(directory) / saelens.WEIGHTS))

    @classmethod
    def of(cls, weights: Weights) -> Self:
        """A dictionary from what a reader found."""
        return cls(
            weights.architecture,
            weights.tensors,
            k=weights.k,
            apply_b_dec_to_input=weights.apply_b_dec_to_input,
            metadata=weights.metadata,
        )
