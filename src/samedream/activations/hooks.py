"""Finding a model's blocks, reading (or changing) their output, and stopping after the deepest one that is wanted.

A hook on a block sees the residual stream as the block leaves it, before any final norm. `output_hidden_states` of
transformers computes every block, and its last entry is taken after the final norm; so it serves to check the hook,
once, when a model is loaded.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from samedream.activations.config import HarvestConfig
from samedream.errors import LayerError, ModelError

_PROBE = "Do two models dream of the same electric sheep?"
_TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 3e-2}  # largest difference, relative to the largest value


class WantedLayer(NamedTuple):
    """A layer to read: its name on disk, its block's index, and whether after the final norm."""

    name: str
    block: int
    normed: bool


def wanted_layers(config: HarvestConfig, blocks: int, source: str) -> tuple[WantedLayer, ...]:
    """Which blocks the settings mean in a model of so many blocks, each once, in the order asked for.

    Relative depth x is the block after which the share x of the model is passed: 1.0 is the last one.

    Raises:
        LayerError: The model has no such block; or the final norm is asked for without the last block.
    """
    found: dict[WantedLayer, None] = {}
    for layer in config.layers:
        if layer == "last":
            index = blocks - 1
        elif isinstance(layer, float):
            index = max(1, round(layer * blocks)) - 1
        else:
            index = int(layer)
            if not -blocks <= index < blocks:
                raise LayerError(
                    f"{source} has {blocks} blocks, 0 to {blocks - 1} (or -{blocks} to -1); there is no block {index}"
                )
            index %= blocks
        normed = config.final_norm and index == blocks - 1
        found[WantedLayer(f"block-{index}" + "-normed" * normed, index, normed)] = None
    if config.final_norm and not any(layer.normed for layer in found):
        raise LayerError(
            f"final_norm stands after the last block of {source}, which is not among layers; "
            f'add "last" to layers, or leave final_norm out'
        )
    return tuple(found)


class _Stop(Exception):  # noqa: N818 (not an error: the forward has gone as far as needed)
    """Raised by the hook on the deepest wanted block."""


def _output(value: Any) -> Tensor:
    found = value[0] if isinstance(value, tuple) else value
    if not isinstance(found, Tensor) or found.dim() != 3:
        raise ModelError(f"a block gives {type(found).__name__}, expected a tensor [texts, tokens, d]")
    return found


def block_lists(model: nn.Module, blocks: int) -> list[nn.ModuleList]:
    """Lists of exactly so many modules, outermost first: one of them holds the blocks of the text model."""
    return [module for module in model.modules() if isinstance(module, nn.ModuleList) and len(module) == blocks]


class BlockReader:
    """Reads the output of some blocks of a model. Use it as a context manager: leaving it takes the hooks off."""

    def __init__(self, model: nn.Module, blocks: nn.ModuleList, layers: Sequence[WantedLayer]) -> None:
        """Put hooks on the wanted blocks.

        Args:
            model: The model without its head.
            blocks: Its blocks, in order.
            layers: What to read.
        """
        self.model, self.layers = model, tuple(layers)
        self._seen: dict[int, Tensor] = {}
        self._deepest = max(layer.block for layer in layers)
        self._to_the_end = any(layer.normed for layer in layers)
        self._handles = [
            blocks[index].register_forward_hook(self._hook(index)) for index in {layer.block for layer in layers}
        ]

    def _hook(self, index: int) -> Any:
        def keep(module: nn.Module, arguments: Any, output: Any) -> None:
            self._seen[index] = _output(output)
            if index == self._deepest and not self._to_the_end:
                raise _Stop

        return keep

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for handle in self._handles:
            handle.remove()

    def read(self, ids: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """Hidden states of a batch.

        Args:
            ids: Token ids, int64 [texts, tokens], right-padded.
            mask: 1 for a token, 0 for padding, int64 [texts, tokens].

        Returns:
            Layer's name → [texts, tokens, d], in the model's dtype, on its device.
        """
        self._seen.clear()
        final: Tensor | None = None
        with torch.inference_mode():
            try:
                final = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
            except _Stop:
                pass
        found = {}
        for layer in self.layers:
            value = final if layer.normed else self._seen[layer.block]
            assert value is not None  # mypy: with a normed layer the forward goes to the end
            found[layer.name] = value
        return found


class Splicer:
    """Puts another hidden state in the place of a layer's own, where `BlockReader` reads it.

    `read` runs the model as it is; `resume` goes on from a changed state, without running the blocks before it again.
    """

    def __init__(self, blocks: nn.ModuleList, layer: WantedLayer, *, head: nn.Module) -> None:
        """Say where; no hooks are left on the model.

        Args:
            blocks: The model's blocks, in order.
            layer: Where to read and to replace.
            head: The output head: what it is given is the hidden state after the final norm.
        """
        self.skipped, self.head, self.normed = list(blocks)[: layer.block + 1], head, layer.normed
        self._given: Any = None

    def read(self, forward: Callable[[], Tensor]) -> tuple[Tensor, Tensor]:
        """Run the model as it is.

        Args:
            forward: Runs the model (with its head, if it has one).

        Returns:
            What `forward` gives, and the layer's hidden state [texts, tokens, d].
        """
        states: list[Tensor] = []

        def keep(state: Tensor) -> Tensor:
            states.append(state)
            return state

        remember = self.skipped[-1].register_forward_hook(lambda block, arguments, output: self._remember(output))
        with _open(remember), _open(self._hook(keep)):
            found = forward()
        return found, states[0]

    def resume(self, forward: Callable[[], Tensor], state: Tensor) -> Tensor:
        """Run the same batch again, on from this state [texts, tokens, d].

        Args:
            forward: As it was given to `read`, which must have been called first.
            state: Takes the place of the layer's hidden state.
        """
        with _standing_in(self.skipped, self._given), _open(self._hook(lambda _: state)):
            return forward()

    def _remember(self, output: Any) -> None:
        self._given = output

    def _hook(self, change: Callable[[Tensor], Tensor]) -> RemovableHandle:
        def at_head(module: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
            return change(arguments[0]), *arguments[1:]

        def at_block(module: nn.Module, arguments: Any, output: Any) -> Any:
            state = change(_output(output))
            return (state, *output[1:]) if isinstance(output, tuple) else state

        if self.normed:
            return self.head.register_forward_pre_hook(at_head)
        return self.skipped[-1].register_forward_hook(at_block)


@contextmanager
def _open(handle: RemovableHandle) -> Iterator[None]:
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _standing_in(modules: Sequence[nn.Module], output: Any) -> Iterator[None]:
    """Modules are not run: each gives `output`, in the form (tensor or tuple) that the model expects of them."""
    for module in modules:
        vars(module)["forward"] = lambda *given, **named: output
    try:
        yield
    finally:
        for module in modules:
            del vars(module)["forward"]


def find_blocks(model: nn.Module, tokenizer: Any, *, blocks: int, source: str) -> nn.ModuleList:
    """Find a model's blocks, and check that a hook on them sees what transformers calls hidden states.

    One forward of a short text with `output_hidden_states=True`: the output of each block must be the hidden
    state after it; the last block's must be the final hidden state itself, or what a module outside the blocks (the
    final norm) made it from.

    Raises:
        ModelError: No list of that many blocks was run, or the check fails.
    """
    lists = block_lists(model, blocks)
    outputs: list[dict[int, Tensor]] = [{} for _ in lists]
    inside = {id(module) for blocks_ in lists for block in blocks_ for module in block.modules()}
    made: list[tuple[Tensor, Tensor]] = []

    def after_block(kept: dict[int, Tensor], index: int) -> Any:
        return lambda module, arguments, output: kept.__setitem__(index, _output(output))

    def outside(module: nn.Module, arguments: Any, output: Any) -> None:
        if arguments and isinstance(arguments[0], Tensor) and isinstance(output, Tensor):
            made.append((arguments[0], output))

    handles = [m.register_forward_hook(outside) for m in model.modules() if id(m) not in inside]
    for kept, blocks_ in zip(outputs, lists, strict=True):
        handles += [block.register_forward_hook(after_block(kept, i)) for i, block in enumerate(blocks_)]
    try:
        ids = torch.tensor([tokenizer(_PROBE)["input_ids"]], device=next(model.parameters()).device)
        with torch.inference_mode():
            result = model(input_ids=ids, attention_mask=torch.ones_like(ids), output_hidden_states=True)
    finally:
        for handle in handles:
            handle.remove()
    ran = [n for n, kept in enumerate(outputs) if len(kept) == blocks]
    if not ran:
        raise ModelError(f"{source}: no list of its {blocks} blocks was found; this architecture cannot be read yet")
    problem = ""
    for number in ran:
        problem = _difference(outputs[number], result, made)
        if not problem:
            return lists[number]
    raise ModelError(
        f"{source}: the hook on its blocks does not see what transformers calls hidden states "
        f"({problem}); this architecture cannot be read yet"
    )


def _same(left: Tensor, right: Tensor) -> bool:
    if left.shape != right.shape:
        return False
    scale = float(right.float().abs().max()) or 1.0
    return float((left.float() - right.float()).abs().max()) <= _TOLERANCE.get(right.dtype, 3e-2) * scale


def _difference(outputs: dict[int, Tensor], result: Any, made: list[tuple[Tensor, Tensor]]) -> str:
    """What does not fit between blocks' outputs and `output_hidden_states`, in words; empty when all fits."""
    states = getattr(result, "hidden_states", None)
    if states is None:
        return "the model returns no hidden states"
    last = len(outputs) - 1
    if len(states) != last + 2:
        return f"{len(states)} hidden states for {last + 1} blocks"
    for index in range(last):
        if not _same(outputs[index], states[index + 1]):
            return f"block {index} differs"
    final = result.last_hidden_state
    if not any(_same(outputs[last], state) for state in (states[-1], final)):
        steps = [after for before, after in made if before.data_ptr() == outputs[last].data_ptr()]
        if not any(_same(after, final) for after in steps):
            return f"block {last} differs"
    return ""
