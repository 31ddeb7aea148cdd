"""The fast path of training on a CPU.

What a step does, in order: `product` (the one dense product; `screen` where 8-bit integers can find its largest
values), `select` (which features are active), `sums` (errors and the gradients of activations, row by row), `update`
(gradients of weights, Adam and unit norm, feature by feature). `engine` puts them together; `kernel` says how they are
compiled, `vectors` holds what has to be written as machine code.
"""
