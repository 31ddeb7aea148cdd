"""Asking for a GPU."""

import re

import pytest
import torch

from samedream.errors import TrainingError
from samedream.sae.config import SAEConfig
from samedream.sae.gpu.device import training_device
from samedream.sae.variants import variant


def kind(name="batchtopk"):
    return variant(SAEConfig(variant=name, k=4), 64)


def test_the_cpu_unless_asked(monkeypatch):
    monkeypatch.delenv("SAMEDREAM_DEVICE", raising=False)
    assert training_device(kind()) == torch.device("cpu")


def test_a_device_that_is_not_known(monkeypatch):
    monkeypatch.setenv("SAMEDREAM_DEVICE", "gpu")
    expected = 'SAMEDREAM_DEVICE is "gpu": expected "cpu" or "cuda". Set it to one of them, or unset it'
    with pytest.raises(TrainingError, match=f"^{re.escape(expected)}$"):
        training_device(kind())


def test_a_gpu_that_is_not_there(monkeypatch):
    monkeypatch.setenv("SAMEDREAM_DEVICE", "cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    expected = (
        f'SAMEDREAM_DEVICE is "cuda" and torch {torch.__version__} finds no CUDA GPU: expected one. Unset it to train '
        f"on the CPU, or install a build of torch for CUDA"
    )
    with pytest.raises(TrainingError, match=f"^{re.escape(expected)}$"):
        training_device(kind())
    assert training_device(kind("jumprelu")) == torch.device("cpu")  # has no path for a GPU
