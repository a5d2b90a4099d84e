"""Standard streams that are closed, and memory that is not there: one line, or the exit code."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bptt_sym import api, cli

COMMAND = f"{sys.executable} -m bptt_sym"

SHELL = {
    "derive elman >&-": (2, "error: standard output cannot be written: it is closed\n"),
    "derive elman --steps 300 | head -1": (0, ""),
    "generate lstm | head -1": (0, ""),
    "derive elman >/dev/null 2>&-": (0, ""),
    "derive nosuch 2>&-": (2, ""),
    "derive nosuch 2>/dev/full": (2, ""),
    "derive nosuch >&- 2>&- <&-": (2, ""),
    "--version >&-": (2, "error: standard output cannot be written: it is closed\n"),
}
"""What a shell makes of the streams, with the exit code and what is said."""


@pytest.mark.parametrize("streams", SHELL)
def test_streams_of_a_shell(streams: str) -> None:
    code, said = SHELL[streams]
    ended = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {COMMAND} {streams}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (code, said)


def test_a_file_is_written_without_streams(tmp_path) -> None:
    """The file does not take the place of a stream that is closed."""
    command = f"{COMMAND} derive elman -o {tmp_path}/out.txt >&- 2>&- <&-"
    assert subprocess.run(["bash", "-c", command], timeout=60, check=False).returncode == 0
    assert "Elman network: backpropagation" in (tmp_path / "out.txt").read_text()


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (MemoryError(), 2, "error: there is not enough memory for this\n"),
        (ZeroDivisionError("x"), 4, "fault: ZeroDivisionError at test_shell.py:"),
        (RecursionError(), 4, "fault: RecursionError at test_shell.py:"),
    ],
)
def test_too_little_memory_is_told_apart_from_a_fault(
    monkeypatch, capsys, error: Exception, code: int, said: str
) -> None:
    def fails(name: str) -> None:
        raise error

    monkeypatch.setattr(api, "load_model", fails)
    with pytest.raises(SystemExit) as end:
        cli.main(["show", "elman"])
    assert end.value.code == code
    assert capsys.readouterr().err.startswith(said)
