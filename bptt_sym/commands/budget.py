"""What a file that came from elsewhere may take while it is run: processor time and memory."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from bptt_sym.errors import InputError, Place
from bptt_sym.quoting import shown_path

FEWEST_SECONDS = 5
BYTES_A_SECOND = 10_000
MEMORY = 700_000_000


class _OverError(BaseException):
    """The time is over; no handler of errors within may take this for one."""


@contextlib.contextmanager
def budget(path: Path) -> Iterator[None]:
    """Ends what is done within, by an InputError, after five seconds of processor time and one more
    for each 10,000 bytes of the file, and lets it have 700 MB of memory besides what there is.

    Where the system cannot say, as on Windows, there is no end.
    """
    try:
        import resource
    except ImportError:
        yield
        return
    place = Place(shown_path(path))
    seconds = FEWEST_SECONDS + (path.stat().st_size if path.is_file() else 0) / BYTES_A_SECOND

    def over(number: int, frame: FrameType | None) -> None:
        raise _OverError

    before = signal.signal(signal.SIGPROF, over)
    memory = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (_data_in_use() + MEMORY, memory[1]))
    signal.setitimer(signal.ITIMER_PROF, seconds, 1)
    try:
        yield
    except _OverError:
        message = f"it takes more than {seconds:.0f} s of processor time"
        raise InputError(message, place) from None
    except MemoryError:
        raise InputError(f"it takes more than {MEMORY // 10**6} MB of memory", place) from None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        resource.setrlimit(resource.RLIMIT_DATA, memory)


def _data_in_use() -> int:
    """The bytes of data that the process has, as Linux counts them; elsewhere about as many."""
    try:
        with open("/proc/self/statm", encoding="ascii") as stream:
            return int(stream.read().split()[5]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 500_000_000
