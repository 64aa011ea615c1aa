"""One thread for small matrices: the same numbers on every run, at half the CPU-seconds."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import ThreadpoolController

_THREADPOOLS = ThreadpoolController()


@contextmanager
def single_threaded(autograd: bool = False) -> Iterator[None]:
    """Torch and BLAS on one thread, with autograd or without.

    With two threads on two busy cores a campaign cost twice the CPU-seconds.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.set_grad_enabled(autograd), _THREADPOOLS.limit(limits=1):
            yield
    finally:
        torch.set_num_threads(threads)
