"""The sparse gradients against autograd on the dense formulas: the readable reference."""

import pytest
import torch

from samedream.sae.gradients import AUX_WEIGHT, Parameters, gradients
from samedream.sae.kernels import active_set, by_feature, decode, feature_sums, value_gradients
from samedream.sae.variants import variant


def dense_loss(weights, rows, kind, *, dead, aux_k):
    """d * loss of `samedream.sae.gradients`, with every product dense."""
    count, d = rows.shape
    pre = rows @ weights.encoder.T + weights.encoder_bias
    mask = torch.zeros_like(pre).view(-1)
    mask[torch.from_numpy(kind.select(pre.detach().contiguous()))] = 1.0
    features = pre * mask.view_as(pre)
    errors = features @ weights.decoder + weights.decoder_bias - rows
    loss = errors.square().sum() / count + d * kind.penalty * features.sum() / count
    if not len(dead):
        return loss
    residual = -errors.detach()
    values = pre[:, dead].relu()
    if len(dead) > aux_k:
        top = values.topk(aux_k, dim=1)
        values = torch.zeros_like(values).scatter(1, top.indices, top.values)
    miss = (values @ weights.decoder[dead] - residual).square().sum()
    return loss + d * AUX_WEIGHT * miss / (residual - residual.mean(0)).square().sum()


@pytest.mark.parametrize("name", ["batchtopk", "topk", "l1_topk"])
@pytest.mark.parametrize("dead", [[], [3, 7], [0, 1, 2, 5, 8, 11, 40]])
def test_gradients_equal_autograd(name, dead):
    generator = torch.Generator().manual_seed(3)
    width, d, count = 48, 12, 40
    tensors = [torch.randn(shape, generator=generator) for shape in ((width, d), (width,), (width, d), (d,))]
    rows, kind = torch.randn(count, d, generator=generator), variant(name, 4, 0.01 if name == "l1_topk" else 0.0)
    marked = torch.tensor(dead, dtype=torch.int64)
    found, losses, active = gradients(Parameters(*tensors), rows, kind, dead=marked, aux_k=4)
    leaves = [tensor.clone().requires_grad_() for tensor in tensors]
    loss = dense_loss(Parameters(*leaves), rows, kind, dead=marked, aux_k=4)
    loss.backward()
    assert losses.total * d == pytest.approx(float(loss.detach()), rel=1e-5)
    assert (losses.aux > 0) == bool(dead)
    assert (active.values > 0).all()
    assert len(active.values) == 4 * count
    for leaf, gradient in zip(leaves, found.tensors(), strict=True):
        torch.testing.assert_close(gradient, leaf.grad, rtol=1e-4, atol=1e-4)


def test_aux_gives_nothing_when_there_is_no_residual():
    eye = torch.eye(3)
    weights = Parameters(eye.clone(), torch.zeros(3), eye.clone(), torch.zeros(3))
    _, losses, _ = gradients(weights, eye + 1, variant("topk", 3, 0.0), dead=torch.tensor([0]), aux_k=1)
    assert (losses.unexplained, losses.aux) == (0.0, 0.0)


def test_kernels_by_hand():
    # two rows, three features: row 0 has feature 2 at 3; row 1 has features 0 at 1 and 2 at 2
    active = active_set(torch.tensor([[0.0, 0.0, 3.0], [1.0, 0.0, 2.0]]), torch.tensor([2, 3, 5]).numpy())
    decoder = torch.tensor([[1.0, 0.0], [5.0, 5.0], [0.0, 1.0]])
    assert active.starts.tolist() == [0, 1, 3]
    assert decode(active, decoder).tolist() == [[0.0, 3.0], [1.0, 2.0]]
    errors = torch.tensor([[1.0, 10.0], [2.0, 20.0]])
    assert value_gradients(active, errors, decoder).tolist() == [10.0, 2.0, 20.0]
    layout = by_feature(active)
    assert (layout.starts.tolist(), layout.rows.tolist(), layout.order.tolist()) == ([0, 1, 1, 3], [1, 0, 1], [1, 0, 2])
    # feature 0: 1 * (2, 20); feature 1: never; feature 2: 3 * (1, 10) + 2 * (2, 20)
    assert feature_sums(layout, active.values, errors).tolist() == [[2.0, 20.0], [0.0, 0.0], [7.0, 70.0]]


def test_rows_and_features_without_anything_active():
    pre = torch.full((3, 4), -1.0)
    active = active_set(pre, variant("batchtopk", 2, 0.0).select(pre))
    assert decode(active, torch.ones(4, 5)).tolist() == torch.zeros(3, 5).tolist()
    assert feature_sums(by_feature(active), active.values, torch.ones(3, 5)).tolist() == torch.zeros(4, 5).tolist()
    assert value_gradients(active, torch.ones(3, 5), torch.ones(4, 5)).tolist() == []
