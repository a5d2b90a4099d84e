"""Writing a file so that nothing half-written stays behind and nothing foreign is lost."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bptt_sym.errors import InputError, Place
from bptt_sym.made_by import is_ours
from bptt_sym.quoting import shown_path


@dataclass(frozen=True)
class _Part:
    """A file that waits under another name to take the place of one."""

    waiting: Path
    path: Path
    place: Place


def write_output(path: Path, content: str | bytes, *, force: bool = False) -> bool:
    """Writes a file in one step: to a temporary file beside it, which then takes its name.

    A text is written as UTF-8. Raises InputError, and leaves what is there, if the folder does not
    exist or cannot be written, or if the file is not one that this program made, unless ``force``.
    Returns whether an earlier run had been cut off while it wrote this file.
    """
    return write_outputs({path: content}, force=force)


def write_outputs(contents: Mapping[Path, str | bytes], *, force: bool = False) -> bool:
    """Writes several files: all of them to temporary files first, so that none lacks another.

    Raises InputError as ``write_output`` does. A run that is killed between two of them leaves
    temporary files; the next one to write any of these files removes them, and returns True.
    """
    parts: list[_Part] = []
    place = None
    mended = False
    try:
        for path, content in contents.items():
            place = Place(shown_path(path))
            real = Path(os.path.realpath(path))
            _check_may_be_written(real, place, force=force)
            mended |= _remove_left_over(real)
            # Known before it is there: a signal may come at any time.
            parts.append(_Part(_waiting_name(real, os.getpid()), real, place))
            _write(parts[-1], content)
        while parts:
            place = parts[0].place
            os.replace(parts[0].waiting, parts[0].path)
            parts.pop(0)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot be written: {reason}", place) from None
    finally:
        for part in parts:
            with contextlib.suppress(OSError):
                os.unlink(part.waiting)
    return mended


def _check_may_be_written(path: Path, place: Place, *, force: bool) -> None:
    if path.is_dir():
        raise InputError("this is a folder; -o needs the name of a file", place)
    if path.exists() and not path.is_file():
        raise InputError("this is no regular file; -o - prints", place)
    if not path.parent.is_dir():
        raise InputError("the folder to write into does not exist", place)
    if not force and path.exists() and not is_ours(path):
        raise InputError("this file was not made by bptt-sym; --force writes over it", place)


def _write(part: _Part, content: str | bytes) -> None:
    path = part.path
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
    # Nothing that is there, be it a link, is written through.
    handle = os.open(part.waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content.encode() if isinstance(content, str) else content)
        stream.flush()
        os.fsync(stream.fileno())
    os.chmod(part.waiting, mode)


_SUFFIX = ".bptt-sym-part"


def _waiting_name(path: Path, process: int) -> Path:
    return path.with_name(f"{_stem(path)}{process}{_SUFFIX}")


def _stem(path: Path) -> str:
    digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:12]
    return f".{digest}."


def _remove_left_over(path: Path) -> bool:
    """Removes what runs that have ended left beside a path, and says whether there was any."""
    found = False
    for other in path.parent.glob(f"{_stem(path)}*{_SUFFIX}"):
        process = other.name.removeprefix(_stem(path)).removesuffix(_SUFFIX)
        if not process.isdecimal():
            continue
        if int(process) == os.getpid() or not _runs(int(process)):
            other.unlink()
            found = True
    return found


def _runs(process: int) -> bool:
    """Whether a process is there; where the system cannot say without a signal, it may be."""
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
