"""Loop over blocks on a Dask cluster: workers read their blocks, and only results are transferred."""

from __future__ import annotations

import contextlib
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from itertools import islice
from typing import Any, TypeVar

from .boxes import Box
from .pixels import Block, BlockReader, Pixels
from .progress import Progress

T = TypeVar("T")

_client: ContextVar[Any] = ContextVar("client", default=None)

_TIMEOUT = 10  # seconds that a scheduler may take to answer


def current_client() -> Any:
    """Return the client of `use_scheduler`, or else distributed's default client, or None."""
    client = _client.get()
    if client is None and "distributed" in sys.modules:
        from distributed import default_client

        with contextlib.suppress(ValueError):  # raised when there is none
            client = default_client()
    return client


@contextlib.contextmanager
def use_scheduler(address: str) -> Iterator[None]:
    """Use the Dask cluster of a scheduler within a ``with`` block, on this thread.

    The client does not become distributed's default client, so other computations are unaffected.

    Parameters
    ----------
    address : str
        Such as ``"tcp://127.0.0.1:8786"``. If empty, nothing changes.

    Raises
    ------
    ImportError
        If distributed is not installed.
    OSError
        If no scheduler answers at `address`.
    """
    if not address:
        yield
        return
    from distributed import Client

    try:
        _check_address(address)
        client = Client(address, set_as_default=False, timeout=_TIMEOUT)
    except (OSError, ValueError) as error:
        raise OSError(f"no Dask scheduler answers at {address}: {error}") from None
    with client:
        token = _client.set(client)
        try:
            yield
        finally:
            _client.reset(token)


def _check_address(address: str) -> None:
    """Raise ``ValueError`` if an address is invalid; otherwise deleting its client would take 20 s."""
    from distributed.comm.addressing import get_address_host_port

    if not address.startswith("inproc:"):
        get_address_host_port(address)


def run(
    client: Any,
    function: Callable[[Block], T],
    pixels: Pixels,
    boxes: Sequence[Box],
    progress: Progress | None = None,
) -> Iterator[T]:
    """Yield ``function(block)`` for the block in each box, in order, computed by the workers.

    Other workers compute the blocks of a lost worker again.

    Raises
    ------
    OSError
        If the connection to the scheduler is lost.
    """
    import dask
    from distributed import CancelledError

    # As a separate task, the function is sent once, and recomputed if its worker is lost.
    held = client.submit(_identity, function, pure=False)
    compute = dask.delayed(_run_on_worker, pure=False)
    waiting: deque[Any] = deque()
    todo = iter(boxes)
    try:
        # Two blocks per thread keep every thread busy and limit the memory of the workers.
        max_waiting = 2 * max(1, sum(client.nthreads().values()))
        for done in range(1, len(boxes) + 1):
            for box in islice(todo, max_waiting - len(waiting)):
                waiting.append(client.compute(compute(held, pixels.reader, box, *pixels.crop(box))))
            yield waiting.popleft().result()
            if progress is not None:
                progress(done / len(boxes))
    except (OSError, CancelledError) as error:
        if client.status == "running":
            raise
        raise OSError(f"the connection to the Dask scheduler was lost: {error}") from None
    finally:
        if client.status == "running":
            client.cancel([*waiting, held])


def _identity(value: T) -> T:
    return value


def _run_on_worker(function: Callable[[Block], T], reader: BlockReader, box: Box, image: Any, mask: Any) -> T:
    """Return ``function(block)``; Dask has computed the arguments of this task."""
    return function(reader.block(box, image, mask))
