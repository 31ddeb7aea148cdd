"""The path of training for a GPU.

What a step does, in order: the encoder's product in bf16, `choice` (which features are active), errors and slopes row
by row, `auxk`, then gradients, Adam and unit norm feature by feature. `engine` puts them together. Everything has the
same shape in every step and the host waits for no result of the step it is in (`readings`). `kernels` holds the Triton
kernels; `plain` says the same in torch operations, for machines without Triton and as what the kernels are tested
against.
"""
