"""Work on a Dask cluster: blocks are read where they are worked on, and only results travel."""

from __future__ import annotations

import contextlib
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from .pixels import Block, Box, Frame, Pixels

T = TypeVar("T")

_client: ContextVar[Any] = ContextVar("client", default=None)


def current_client() -> Any:
    """Return the client of `using`, else distributed's default one of this process, else None."""
    client = _client.get()
    if client is None and "distributed" in sys.modules:
        from distributed import default_client

        with contextlib.suppress(ValueError):  # there is none
            client = default_client()
    return client


@contextlib.contextmanager
def using(address: str) -> Iterator[None]:
    """Work on the cluster whose scheduler has this address, within a ``with`` block and on this thread.

    The client is not made the default one: what others compute in this process is their affair.

    Raises
    ------
    ImportError
        If distributed is not installed.
    OSError
        If nothing answers there.
    """
    from distributed import Client

    try:
        client = Client(address, set_as_default=False, timeout=_PATIENCE)
    except (OSError, ValueError) as error:
        raise OSError(f"no Dask scheduler answers at {address}: {error}") from None
    with client:
        token = _client.set(client)
        try:
            yield
        finally:
            _client.reset(token)


def cluster_at(address: str) -> contextlib.AbstractContextManager[None]:
    """Work on the cluster whose scheduler has this address; on this machine, if it is empty."""
    return using(address) if address else contextlib.nullcontext()


_PATIENCE = 10  # seconds that a scheduler may take to answer


def run(
    client: Any,
    function: Callable[[Block], T],
    pixels: Pixels,
    boxes: Sequence[Box],
    progress: Callable[[float], None] | None = None,
) -> Iterator[T]:
    """Yield ``function(block)`` for the block in each box, in order, computed by a cluster's workers.

    A worker that is lost is made up for by the others.

    Raises
    ------
    OSError
        If the scheduler is lost.
    """
    import dask
    from distributed import CancelledError

    # A task of its own, so that every block does not bring it along, and a worker that is lost can be
    # replaced by one that makes it anew.
    held = client.submit(_same, function, pure=False)
    of_parts = dask.delayed(_on_worker, pure=False)
    waiting: deque[Any] = deque()
    todo = iter(boxes)
    try:
        most = 2 * max(1, sum(client.nthreads().values()))
        for done in range(1, len(boxes) + 1):
            # Two for each thread keep all of them busy and bound what the workers hold.
            for box in islice(todo, most - len(waiting)):
                waiting.append(client.compute(of_parts(held, pixels.frame, box, *pixels.parts(box))))
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


def _same(thing: T) -> T:
    return thing


def _on_worker(function: Callable[[Block], T], frame: Frame, box: Box, image: Any, mask: Any) -> T:
    return function(frame.block(box, image, mask))
