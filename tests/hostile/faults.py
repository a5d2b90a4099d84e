"""The faults while writing: for each command, a call that fails or a signal that comes in it."""

from __future__ import annotations

COMMANDS = {
    "a derivation": "derive elman --wrt W_y -o out.txt",
    "JSON": "derive elman --wrt W_y --format json -o out.json",
    "a figure": "figure elman -o out.svg",
    "a page with figures": "notes elman --wrt W_s -o out.md",
    "an exercise with solutions": "notes elman --wrt W_s --exercise W_s -o out.tex",
}
"""Commands that write one file or several."""

FAULTS: dict[str, tuple[str, int, str, int]] = {
    "a full disk at the first file": ("fsync", 1, "ENOSPC", 2),
    "a full disk at the second file": ("fsync", 2, "ENOSPC", 2),
    "no rights to make a file": ("open", 1, "EACCES", 2),
    "a disk that fails": ("chmod", 1, "EIO", 2),
    "a name that cannot be taken": ("replace", 1, "EACCES", 2),
    "a second name that cannot be taken": ("replace", 2, "EACCES", 2),
    "kill -9 before anything is in place": ("replace", 1, "SIGKILL", -9),
    "kill -9 between two files": ("replace", 2, "SIGKILL", -9),
    "kill -9 while a file is written": ("fsync", 1, "SIGKILL", -9),
    "the end while a file is written": ("fsync", 1, "SIGTERM", 143),
    "the end between two files": ("replace", 2, "SIGTERM", 143),
    "Ctrl-C while a file is written": ("fsync", 1, "SIGINT", 130),
    "a terminal that is closed": ("chmod", 1, "SIGHUP", 143),
}
"""A function of ``os``, at which of its calls, what happens there, and the exit code."""

PRINTING = (
    "models",
    "show elman",
    "derive elman",
    "derive elman --format json",
    "derive elman --format latex --steps 100",
    "generate elman",
    "program elman",
    "verify elman",
    "--help",
    "derive --help",
    "--version",
)
"""Commands that print, with an output that takes nothing."""
