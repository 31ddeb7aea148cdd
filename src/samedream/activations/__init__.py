"""activations: passages x one model -> shards of hidden states. The only room that runs a subject model.

1. The model source becomes a directory of safetensors weights (`sources`): a hub id, a directory, a GGUF file, weights
   in an installed distribution, or the random twin of any of these. A GGUF is dequantised once into a cache
   (`conversion`).
2. The model is loaded without its output head, its blocks are found, and the hook on them is checked against what
   `transformers` itself returns as `output_hidden_states` (`hooks`).
3. Passages are taken in shards of a fixed number; within a shard they are sorted by length into right-padded batches
   with a budget of tokens (`batching`). The forward stops after the deepest wanted block.
4. Each token becomes a row: its hidden state in bf16, its passage, and its span of characters (`spans`). Special tokens
   are left out. Each row's norm is kept, so that attention sinks (norm above 10 times the layer's median; Xiao et al.
   2024, arXiv:2309.17453; Sun et al. 2024, arXiv:2402.17762) can be left out once the median is known (`sinks`).

Files: `shard-00000.safetensors` ..., `passages.parquet` (passage_id, article_id in corpus order), `manifest.json`
(written last).
"""

from samedream.activations.config import HarvestConfig

__all__ = ["HarvestConfig"]
