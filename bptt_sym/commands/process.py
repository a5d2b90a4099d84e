"""The process that a command is: its standard streams, and the signals that end it."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType


class Terminated(BaseException):
    """The process was asked to end: what it has begun to write is removed on the way out."""


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Raises Terminated for the signals that end a process, as Python does for Ctrl-C."""

    def end(number: int, frame: FrameType | None) -> None:
        raise Terminated

    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before: dict[signal.Signals, object] = {}
    # Only the main thread may handle signals.
    with contextlib.suppress(ValueError):
        for name in names:
            number = signal.Signals[name]
            # What is to be ignored, as by nohup, stays so.
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]


class _ClosedStream(io.TextIOBase):
    """Standard output where it was closed before the process began."""

    def write(self, text: str) -> int:
        raise OSError(errno.EBADF, "it is closed")


@contextlib.contextmanager
def open_streams() -> Iterator[None]:
    """Makes standard streams that any text can be written to, or that say why not."""
    for handle in range(3):
        try:
            os.fstat(handle)
        except OSError:
            # Else the next file that is opened would take the stream's place.
            os.open(os.devnull, os.O_RDWR)
    before = sys.stdout, sys.stderr
    if sys.stdout is None:
        sys.stdout = _ClosedStream()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - to the end
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a sign shows an escape for it; it is no reason to stop.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def drop_output() -> None:
    """Keeps Python from writing what is left of the output when the process ends."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""What the libraries behind NumPy's matrix products take their number of threads from."""


def with_one_thread() -> None:
    """Has matrix products use one thread, where the user has not said how many, and NumPy is not
    loaded yet.

    Threads that share small matrices wait for each other most of the time: on two busy cores a
    thousand Jacobians of 128 rows took seventeen times as long.
    """
    for name in THREADS:
        os.environ.setdefault(name, "1")
