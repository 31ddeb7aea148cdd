"""Figures on their way from the device to the host.

Reading a number from a GPU makes the host wait until everything before it is computed, and the GPU then waits for the
host. So each step's figures are copied to pinned memory while the GPU goes on, and the host reads those of some steps
before. Which step's figures it gets depends on the step's number alone, never on time: runs can be repeated.
"""

import torch


class Readings:
    """A ring of figures."""

    def __init__(self, figures: int, device: torch.device, *, lag: int) -> None:
        """An empty ring.

        Args:
            figures: How many of each step.
            device: Where they are computed.
            lag: How many steps after its own a figure is read; 0 waits for every step.
        """
        self._lag, self._cuda = lag, device.type == "cuda"
        self._slots = torch.zeros(lag + 1, figures, pin_memory=self._cuda)
        self._events: list[torch.cuda.Event | None] = [None] * (lag + 1)

    def exchange(self, step: int, figures: torch.Tensor) -> list[float]:
        """Send a step's figures, and read those of `lag` steps before (of step 0 while there are no earlier ones).

        Args:
            step: From 0, without gaps.
            figures: float32 [figures], on the device.
        """
        size = len(self._slots)
        self._slots[step % size].copy_(figures, non_blocking=True)
        if self._cuda:
            event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            event.record()
            self._events[step % size] = event
        place = max(0, step - self._lag) % size
        self._arrived(place)
        return [float(figure) for figure in self._slots[place]]

    def _arrived(self, place: int) -> None:
        event = self._events[place]
        if event is not None:
            event.synchronize()

    def state(self) -> torch.Tensor:
        """What is under way, float32 [lag + 1, figures]."""
        for place in range(len(self._slots)):
            self._arrived(place)
        return self._slots.clone()

    def restore(self, state: torch.Tensor) -> None:
        """Go on from what `state` gave."""
        self._events = [None] * len(self._slots)
        self._slots.copy_(state)
