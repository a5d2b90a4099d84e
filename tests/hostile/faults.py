"""The faults while writing: for each command, a call that fails or a signal that comes in it."""

from __future__ import annotations

COMMANDS = {
    "a derivation": ("derive elman --wrt W_y --steps {} -o out.txt", 2, 3),
    "JSON": ("derive elman --wrt W_y --format json --steps {} -o out.json", 2, 3),
    "LaTeX": ("derive elman --format latex --steps {} -o out.tex", 2, 3),
    "a module": ("generate linear --style {} -o out.py", "readable", "fast"),
    "a figure": ("figure elman --path {} -o out.svg", "W_s", "W_x"),
    "a page with figures": ("notes elman --wrt W_s --steps {} -o out.md", 2, 3),
    "an exercise with solutions": ("notes elman --exercise W_s --steps {} -o out.tex", 2, 3),
}
"""Commands that write one file or several: once with the second, and then with the third."""

SEVERAL = ("a page with figures", "an exercise with solutions")

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

CASES = [
    (command, fault)
    for command in COMMANDS
    for fault, (_, call, _, _) in FAULTS.items()
    if call == 1 or command in SEVERAL
]
"""Each command with each fault that can meet it."""
