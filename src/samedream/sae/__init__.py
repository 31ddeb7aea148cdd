"""Stage 3, sae: hidden states in, a dictionary of features out. The only room that trains.

A sparse autoencoder writes each hidden state x as a sparse sum of directions, f = act((x - b_dec) W_enc + b_enc) and
x' = f W_dec + b_dec (Bricken et al. 2023, transformer-circuits.pub/2023/monosemantic-features). What happens here:

1. A tenth of the articles is held out, by a hash of the article's id: health and threshold are measured there.
2. Rows are centred and scaled by one number so that the mean squared norm is d. Both are folded into the saved weights:
   `encode` takes raw hidden states. Centring takes away the death of features that a large mean causes
   (arXiv:2605.31518).
3. BatchTopK (Bussmann et al. 2024, arXiv:2412.06410) or another variant is trained: the encoder starts as the
   decoder's transpose, decoder rows keep norm 1 with the gradient projected, Adam, warm-up over 5 % and linear decay
   over the last 25 % of the run, and AuxK (Gao et al. 2024, arXiv:2406.04093, appendix A.2) for features that stopped
   firing.
4. BatchTopK is saved as JumpReLU: one threshold, calibrated on held-out rows so that the mean L0 there is k.

With k of F features active only the encoder's product is dense; the rest is written out as sparse sums.

Where to look: `training.py` is the loop, `course.py` one dictionary on its way, `feed.py` the order of rows,
`trainer.py` the state between two steps. A step is computed by `reference.py` (plain torch: `gradients.py`,
`kernels.py`, `optimiser.py`), several times faster by `fused/` (CPU), or by `gpu/`. A variant is one file in
`variants/`. Dictionaries from elsewhere: `interop/`; in place of a trained one in a study: `adoption.py`. The model's
own loss: `downstream.py`. What is not trained: `baselines.py`. Many at once: `sweep.py`.

Files: `cfg.json` and `sae_weights.safetensors` in the layout of SAELens 6, `health.json`, `manifest.json`, kept moments
in `moments/`; while training `checkpoint.safetensors`. Beside the seeds, `sweep/`.
"""
