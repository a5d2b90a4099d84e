"""Commands in processes of their own, with limits, and watched for all they do outside.

One process imports the package and forks for each command, which takes some hundredths of a second.
As a script this is that process: it reads a command a line from standard input, as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SECONDS = 10
"""Of processor time."""

MEMORY = 1_000_000_000
"""Bytes of data."""

_OUTSIDE = (
    "socket.",
    "subprocess.",
    "os.exec",
    "os.posix_spawn",
    "os.system",
    "os.fork",
    "ctypes.",
)
_CHANGING = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "shutil.")


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, or the negative number of the signal that ended it; what
    it printed; the processor time in seconds and the most memory in bytes that it took; and what it
    did besides computing: files it wrote, processes, addresses, code of files that it ran.
    """

    code: int
    out: str
    err: str
    seconds: float
    memory: int
    wrote: frozenset[str] = field(default=frozenset())
    did: tuple[str, ...] = ()


class Watched:
    """The process that forks; a context, at whose end it is gone."""

    def __enter__(self) -> Watched:
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        return self

    def __exit__(self, *error: object) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def run(self, arguments: Sequence[object], folder: Path, **fault: Any) -> Ended:
        """Runs a command in a folder; ``fault`` says what goes wrong while it writes."""
        asked = {"arguments": [str(a) for a in arguments], "folder": str(folder), "fault": fault}
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline())
        told["wrote"] = frozenset(told["wrote"])
        told["did"] = tuple(told["did"])
        return Ended(**told)


# What follows is of the process that forks.


def _serve() -> None:
    import bptt_sym.api
    import bptt_sym.cli
    import bptt_sym.commands.computing
    import bptt_sym.documents.notes
    import bptt_sym.render.data
    import bptt_sym.targets.text.listing
    import bptt_sym.verification.table
    import bptt_sym.verification.verify

    # The fonts are read once, too, and the folders made that they are kept in.
    bptt_sym.api.figure(bptt_sym.api.load_model("linear"), 1).written(".svg")
    for line in sys.stdin:
        print(json.dumps(_forked(json.loads(line))), flush=True)


def _forked(asked: dict[str, Any]) -> dict[str, Any]:
    streams = [tempfile.TemporaryFile() for _ in range(3)]  # noqa: SIM115 - closed below
    child = os.fork()
    if not child:
        try:
            _command(asked, *streams)
        finally:
            os._exit(99)
    _, status, used = os.wait4(child, 0)
    told = []
    for stream in streams:
        stream.seek(0)
        told.append(stream.read().decode("utf-8", "surrogateescape"))
        stream.close()
    events = [json.loads(line) for line in told[2].splitlines()]
    return {
        "code": os.waitstatus_to_exitcode(status),
        "out": told[0],
        "err": told[1],
        "seconds": used.ru_utime + used.ru_stime,
        "memory": used.ru_maxrss * 1024,
        "wrote": [what for kind, what in events if kind == "wrote"],
        "did": [what for kind, what in events if kind == "did"],
    }


def _command(asked: dict[str, Any], out: Any, err: Any, events: Any) -> None:
    import resource

    from bptt_sym.cli import main

    os.chdir(asked["folder"])
    fault = asked["fault"]
    os.dup2(os.open("/dev/full", os.O_WRONLY) if fault.get("full_output") else out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS + 1, SECONDS + 2))
    resource.setrlimit(resource.RLIMIT_DATA, (2 * MEMORY, 2 * MEMORY))
    if fault.get("at"):
        _arm(**fault)
    _watch(events.fileno(), asked["arguments"])
    try:
        main(asked["arguments"])
    except SystemExit as end:
        sys.stdout.flush()
        os._exit(end.code if isinstance(end.code, int) else 98)


def _watch(handle: int, arguments: list[str]) -> None:
    """Notes all that Python says it does which reaches outside the process."""
    ours = {os.path.abspath(a) for a in arguments if a.endswith(".py")}

    def note(kind: str, what: str) -> None:
        os.write(handle, (json.dumps([kind, what]) + "\n").encode())

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            flags = arguments[2] or 0
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND):
                note("wrote", os.path.abspath(os.fsdecode(arguments[0])))
        elif event == "exec":
            name = os.path.abspath(getattr(arguments[0], "co_filename", "") or "")
            if name in ours:
                note("did", f"ran {name}")
        elif event == "os.rename":
            note("wrote", os.path.abspath(os.fsdecode(arguments[1])))
        elif event == "os.remove" and os.fsdecode(arguments[0]).endswith("part"):
            pass
        elif event.startswith((*_OUTSIDE, *_CHANGING)):
            note("did", f"{event} {arguments[:1]!a}")

    sys.addaudithook(hook)


def _arm(at: str, call: int, does: str) -> None:
    """Lets a fault happen in one call of a function of ``os`` by which files are written."""
    import signal

    original, calls = getattr(os, at), 0

    def faulty(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        if at == "open" and not arguments[1] & os.O_CREAT:
            return original(*arguments, **options)
        calls += 1
        if calls != call:
            return original(*arguments, **options)
        if does.startswith("SIG"):
            os.kill(os.getpid(), signal.Signals[does])
            return original(*arguments, **options)
        import errno

        number = getattr(errno, does)
        raise OSError(number, os.strerror(number), None)

    setattr(os, at, faulty)


if __name__ == "__main__":
    _serve()
