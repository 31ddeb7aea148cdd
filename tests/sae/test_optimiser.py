"""Adam with unit-norm decoder rows: one step by hand, and going on from a saved state."""

import torch

from samedream.sae.gradients import Parameters
from samedream.sae.optimiser import UnitNormAdam


def test_one_step_by_hand():
    # Adam's first step moves every number by the rate against its gradient's sign, whatever the gradient's size
    weights = Parameters(
        torch.zeros(2, 2), torch.zeros(2), torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.zeros(2),
        torch.tensor([1.0, 0.001]),
    )  # fmt: skip
    found = Parameters(
        torch.tensor([[1.0, -1.0], [2.0, 3.0]]), torch.tensor([5.0, -5.0]), torch.tensor([[7.0, 1.0], [0.0, 7.0]]),
        torch.tensor([1.0, -1.0]), torch.tensor([-0.1, 0.1]),
    )  # fmt: skip
    UnitNormAdam(weights).step(found, 0.01)
    torch.testing.assert_close(weights.encoder, torch.tensor([[-0.01, 0.01], [-0.01, -0.01]]))
    torch.testing.assert_close(weights.encoder_bias, torch.tensor([-0.01, 0.01]))
    torch.testing.assert_close(weights.decoder_bias, torch.tensor([-0.01, 0.01]))
    # row 0: the 7 along the row is taken out, (1, -0.01) is set back to norm 1; row 1 has nothing across it
    torch.testing.assert_close(weights.decoder, torch.tensor([[0.99995, -0.0099995], [0.0, 1.0]]))
    # thresholds move 5 times as far, and not below 0
    torch.testing.assert_close(weights.threshold, torch.tensor([1.05, 0.0]))


def random_parameters(seed, threshold):
    generator = torch.Generator().manual_seed(seed)
    shapes = [(6, 3), (6,), (6, 3), (3,)] + [(6,)] * threshold
    return Parameters(*[torch.rand(shape, generator=generator) for shape in shapes])


def copied(weights):
    return Parameters(*[tensor.clone() for tensor in weights.tensors()])


def test_a_saved_state_goes_on_with_the_same_bits():
    for threshold in (False, True):
        whole = random_parameters(0, threshold)
        one = UnitNormAdam(whole)
        for step in range(3):
            one.step(random_parameters(step + 1, threshold), 0.01)
        saved, state = copied(whole), {name: value.clone() for name, value in one.state().items()}
        two = UnitNormAdam(saved)
        two.restore(state)
        for optimiser in (one, two):
            optimiser.step(random_parameters(9, threshold), 0.01)
        assert len(saved.tensors()) == 4 + threshold
        for left, right in zip(whole.tensors(), saved.tensors(), strict=True):
            assert torch.equal(left, right)
