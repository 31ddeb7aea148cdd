"""The sparse gradients against autograd on the dense formulas: the readable reference."""

import pytest
import torch

from samedream.sae.config import SAEConfig
from samedream.sae.gradients import AUX_WEIGHT, Parameters, aux_gradients, gradients
from samedream.sae.kernels import (
    DENSE,
    ActiveSet,
    active_set,
    by_feature,
    decode,
    feature_sums,
    slices,
    value_gradients,
)
from samedream.sae.thresholds import l0_penalty, threshold_gradients
from samedream.sae.variants import variant

WIDTH, D, COUNT = 48, 12, 40
STRENGTH = {"l1_strength": 0.01}
KINDS = [
    ("batchtopk", {}),
    ("topk", {}),
    ("l1_topk", STRENGTH),
    ("l1", STRENGTH),
    ("matryoshka", {}),
    ("matryoshka", {"nested": (0.3, 1.0)}),
    ("jumprelu", {}),
]


class Jump(torch.autograd.Function):
    """x where it exceeds the threshold; the gradients of arXiv:2407.14435, section 3."""

    @staticmethod
    def forward(context, x, threshold, bandwidth):
        context.save_for_backward(x, threshold)
        context.bandwidth = bandwidth
        return x * (x > threshold)

    @staticmethod
    def backward(context, slope):
        x, threshold = context.saved_tensors
        near = ((x - threshold) / context.bandwidth).abs() < 0.5
        return slope * (x > threshold), (-threshold / context.bandwidth * near * slope).sum(0), None


class Step(torch.autograd.Function):
    """1 where x exceeds the threshold."""

    @staticmethod
    def forward(context, x, threshold, bandwidth):
        context.save_for_backward(x, threshold)
        context.bandwidth = bandwidth
        return (x > threshold).to(x)

    @staticmethod
    def backward(context, slope):
        x, threshold = context.saved_tensors
        near = ((x - threshold) / context.bandwidth).abs() < 0.5
        return None, (-1 / context.bandwidth * near * slope).sum(0), None


def dense_features(weights, pre, kind):
    """Activations, [rows, features]."""
    if kind.jump is not None:
        return Jump.apply(pre, weights.threshold, kind.jump.bandwidth)
    mask = torch.zeros_like(pre).view(-1)
    mask[torch.from_numpy(kind.select(pre.detach().contiguous()))] = 1.0
    return pre * mask.view_as(pre)


def dense_loss(weights, rows, kind, *, dead, aux_k):
    """d * loss of `samedream.sae.gradients`, with every product dense."""
    count, d = rows.shape
    pre = rows @ weights.encoder.T + weights.encoder_bias
    features = dense_features(weights, pre, kind)
    loss = d * kind.penalty * features.sum() / count
    for end in kind.nested:
        errors = features[:, :end] @ weights.decoder[:end] + weights.decoder_bias - rows
        loss = loss + errors.square().sum() / count / len(kind.nested)
    if kind.jump is not None:
        l0 = Step.apply(pre, weights.threshold, kind.jump.bandwidth).sum() / count
        loss = loss + d * kind.jump.strength * (l0 / kind.k - 1) ** 2
    if not len(dead):
        return loss
    residual = -errors.detach()
    values = pre[:, dead].relu()
    if len(dead) > aux_k:
        top = values.topk(aux_k, dim=1)
        values = torch.zeros_like(values).scatter(1, top.indices, top.values)
    miss = (values @ weights.decoder[dead] - residual).square().sum()
    return loss + d * AUX_WEIGHT * miss / (residual - residual.mean(0)).square().sum()


def random_tensors(kind, seed=3):
    """Rows and weights in float64; thresholds around 0.9, so that many pre-activations are near them."""
    generator = torch.Generator().manual_seed(seed)
    shapes = ((COUNT, D), (WIDTH, D), (WIDTH,), (WIDTH, D), (D,))
    rows, *tensors = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    if kind.jump is not None:
        tensors.append(0.8 + 0.2 * torch.rand(WIDTH, generator=generator, dtype=torch.float64))
    return rows, tensors


@pytest.mark.parametrize(("name", "given"), KINDS)
@pytest.mark.parametrize("dead", [[], [3, 7], [0, 1, 2, 5, 8, 11, 40]])
def test_gradients_equal_autograd(name, given, dead):
    kind = variant(SAEConfig(variant=name, k=4, **given), WIDTH)
    rows, tensors = random_tensors(kind)
    marked = torch.tensor(dead, dtype=torch.int64)
    found, losses, active = gradients(Parameters(*tensors), rows, kind, dead=marked, aux_k=4)
    leaves = [tensor.clone().requires_grad_() for tensor in tensors]
    loss = dense_loss(Parameters(*leaves), rows, kind, dead=marked, aux_k=4)
    loss.backward()
    assert losses.total * D == pytest.approx(float(loss.detach()), rel=1e-12)
    assert (losses.aux > 0) == bool(dead)
    assert (active.values > 0).all()
    assert len(found.tensors()) == len(tensors)
    for leaf, gradient in zip(leaves, found.tensors(), strict=True):
        assert leaf.grad.abs().max() > 0.01
        torch.testing.assert_close(gradient, leaf.grad, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ["batchtopk", "topk", "l1_topk", "matryoshka"])
def test_k_of_every_row_are_active(name):
    kind = variant(SAEConfig(variant=name, k=4), WIDTH)
    rows, tensors = random_tensors(kind)
    _, _, active = gradients(Parameters(*tensors), rows, kind, dead=torch.zeros(0, dtype=torch.int64), aux_k=4)
    assert len(active.values) == 4 * COUNT


def test_a_frozen_decoder_has_no_gradient_and_the_rest_has_batchtopks():
    marked, kinds = (
        torch.tensor([3, 7]),
        [variant(SAEConfig(variant=name, k=4), WIDTH) for name in ("frozen", "batchtopk")],
    )
    rows, tensors = random_tensors(kinds[0])
    frozen, free = (gradients(Parameters(*tensors), rows, kind, dead=marked, aux_k=4)[0] for kind in kinds)
    assert not frozen.decoder.any()
    assert free.decoder.all(1).any()
    for left, right in ((frozen.encoder, free.encoder), (frozen.decoder_bias, free.decoder_bias)):
        assert torch.equal(left, right)


def test_nested_gradients_by_hand():
    # d = 1, one row x = 3; pre-activations 1 and 2 (encoder 1 / 3 and 2 / 3), both kept; decoder 1 and 1, no bias.
    # The first dictionary (feature 0) reconstructs 1, error -2; the whole one 3, error 0.
    weights = Parameters(torch.tensor([[1 / 3], [2 / 3]]), torch.zeros(2), torch.ones(2, 1), torch.zeros(1))
    kind = variant(SAEConfig(variant="matryoshka", k=2, nested=(0.5, 1.0)), 2)
    nothing = torch.zeros(0, dtype=torch.int64)
    found, losses, _ = gradients(weights, torch.tensor([[3.0]]), kind, dead=nothing, aux_k=1)
    # loss = ((-2)^2 + 0^2) / 2 = 2, of which the whole dictionary's error is 0
    assert (losses.unexplained, losses.penalty, losses.total) == pytest.approx((0.0, 2.0, 2.0))
    # feature 0 is in both dictionaries: its reconstruction's slope is 2 (-2 + 0) / 2 = -2; feature 1 is in the whole
    # one alone: slope 0. Decoder: slope * activation; encoder: slope * decoder * x; bias: slope * decoder
    assert found.decoder.flatten().tolist() == pytest.approx([-2.0, 0.0])
    assert found.encoder.flatten().tolist() == pytest.approx([-6.0, 0.0])
    assert found.encoder_bias.tolist() == pytest.approx([-2.0, 0.0])
    assert found.decoder_bias.tolist() == pytest.approx([-2.0])


def test_l1_gradients_by_hand():
    # d = 1, rows 2 and -1; feature 0 has encoder 1 and decoder 1, feature 1 encoder -1 and decoder -1, no biases:
    # row 2 -> activations 2, 0; row -1 -> 0, 1; both reconstructed exactly. Penalty 0.5 * (2 + 1) / 2 = 0.75.
    weights = Parameters(
        *(torch.tensor([[1.0], [-1.0]]), torch.zeros(2)), *(torch.tensor([[1.0], [-1.0]]), torch.zeros(1))
    )
    kind = variant(SAEConfig(variant="l1", l1_strength=0.5, k=1), 2)
    nothing = torch.zeros(0, dtype=torch.int64)
    found, losses, active = gradients(weights, torch.tensor([[2.0], [-1.0]]), kind, dead=nothing, aux_k=1)
    assert (losses.unexplained, losses.penalty, losses.aux) == (0.0, 0.75, 0.0)
    assert (active.features.tolist(), active.values.tolist()) == ([0, 1], [2.0, 1.0])
    # each activation's slope is 0.5 / 2 = 0.25: encoder 0.25 * 2 and 0.25 * -1, bias 0.25 each, decoder untouched
    assert found.encoder.flatten().tolist() == [0.5, -0.25]
    assert found.encoder_bias.tolist() == [0.25, 0.25]
    assert (found.decoder.flatten().tolist(), found.decoder_bias.tolist()) == ([0.0, 0.0], [0.0])


def test_threshold_gradients_by_hand():
    # one feature with threshold 2 and decoder 1, d = 1, band 1: pre-activations in (1.5, 2.5) count
    margins = torch.tensor([[0.4], [-0.4], [0.6], [-3.0]])
    found = threshold_gradients(
        margins, torch.tensor([2.0]), slopes=torch.tensor([[1.0], [0.5], [7.0], [7.0]]), decoder=torch.ones(1, 1),
        bandwidth=1.0, l0_slope=4.0,
    )  # fmt: skip
    # rows 0 and 1: -(2 / 1) * (1 + 0.5) from the reconstruction, -(1 / 1) * 4 / 4 each from L0
    assert found.tolist() == [-2 * 1.5 - 2.0]


def test_l0_penalty_by_hand():
    # 6 active where 4 are wanted: (6 / 4 - 1)^2 = 0.25, slope 2 * 0.5 / 4 = 0.25; both times the strength
    jump = variant(SAEConfig(variant="jumprelu", k=4), WIDTH).jump
    assert l0_penalty(6.0, 4, jump) == pytest.approx((0.25 * jump.strength, 0.25 * jump.strength))


def test_aux_gradients_by_hand():
    # d = 1, rows 1 and 2, dead feature 1 with decoder 1 and pre-activations 3 and -1; the residual is 1 and -1:
    # values 3 and 0, errors 2 and 1, spread 2 (mean 0), so the term is (4 + 1) / 2
    weights = Parameters(torch.ones(2, 1), torch.zeros(2), torch.ones(2, 1), torch.zeros(1))
    found = aux_gradients(
        weights, torch.tensor([[1.0], [2.0]]), pre=torch.tensor([[3.0], [-1.0]]),
        residual=torch.tensor([[1.0], [-1.0]]), dead=torch.tensor([1]), aux_k=1,
    )  # fmt: skip
    assert found.features.tolist() == [1]
    assert found.loss == 2.5
    # slopes: 2 / 32 * errors / spread = 2 / 32 and 1 / 32; row 1's value is 0 and hands nothing on
    assert found.decoder.tolist() == [[3 * 2 / 32]]
    assert found.encoder.tolist() == [[2 / 32]]
    assert found.encoder_bias.tolist() == [2 / 32]


def test_aux_gives_nothing_when_there_is_no_residual():
    eye = torch.eye(3)
    weights = Parameters(eye.clone(), torch.zeros(3), eye.clone(), torch.zeros(3))
    _, losses, _ = gradients(
        weights, eye + 1, variant(SAEConfig(variant="topk", k=3), 3), dead=torch.tensor([0]), aux_k=1
    )
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
    assert feature_sums(active, (active.values, errors))[0].tolist() == [[2.0, 20.0], [0.0, 0.0], [7.0, 70.0]]


def test_rows_and_features_without_anything_active():
    pre = torch.full((3, 4), -1.0)
    active = active_set(pre, variant(SAEConfig(k=2), 4).select(pre))
    assert decode(active, torch.ones(4, 5)).tolist() == torch.zeros(3, 5).tolist()
    assert feature_sums(active, (active.values, torch.ones(3, 5)))[0].tolist() == torch.zeros(4, 5).tolist()
    assert value_gradients(active, torch.ones(3, 5), torch.ones(4, 5)).tolist() == []


def test_dense_products_give_what_sparse_ones_give(monkeypatch):
    generator = torch.Generator().manual_seed(0)
    pre = torch.randn(30, 20, generator=generator, dtype=torch.float64)
    errors, decoder = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((30, 7), (20, 7)))
    active = active_set(pre, variant(SAEConfig(variant="l1", k=1), 20).select(pre))
    assert active.crowded  # half of all

    def products(active):
        pairs = feature_sums(active, (active.values, errors), (active.values * 2, errors))
        return [decode(active, decoder), value_gradients(active, errors, decoder), *pairs]

    dense = products(active)
    monkeypatch.setattr("samedream.sae.kernels.DENSE", 2.0)
    assert not active.crowded
    for left, right in zip(dense, products(active), strict=True):
        torch.testing.assert_close(left, right, rtol=1e-12, atol=1e-12)


def test_what_is_sparse_stays_sparse():
    starts = torch.tensor([0, 4, 4], dtype=torch.int32)
    few = ActiveSet(starts, torch.arange(4, dtype=torch.int32), torch.ones(4), 12)
    assert 4 == DENSE * 2 * 12
    assert not few.crowded
    assert ActiveSet(starts + 1, torch.arange(5, dtype=torch.int32), torch.ones(5), 12).crowded


def test_slices_by_hand():
    # row 0 has features 0, 2, 3, row 1 none, row 2 has 1 and 3; cut after feature 0 and after feature 2
    pre = torch.tensor([[1.0, 0.0, 2.0, 3.0], [0.0, 0.0, 0.0, 0.0], [0.0, 4.0, 0.0, 5.0]])
    parts = slices(active_set(pre, torch.tensor([0, 2, 3, 9, 11]).numpy()), (1, 3, 4))
    assert [part.columns for part in parts] == [slice(0, 1), slice(1, 3), slice(3, 4)]
    assert [part.active.starts.tolist() for part in parts] == [[0, 1, 1, 1], [0, 1, 1, 2], [0, 1, 1, 2]]
    assert [part.active.features.tolist() for part in parts] == [[0], [1, 0], [0, 0]]
    assert [part.active.values.tolist() for part in parts] == [[1.0], [2.0, 4.0], [3.0, 5.0]]
    assert [part.active.width for part in parts] == [1, 2, 1]
