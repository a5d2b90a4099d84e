"""Writing a file so that nothing half-written stays behind and nothing foreign is lost."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from bptt_sym.errors import InputError, Place
from bptt_sym.made_by import is_ours
from bptt_sym.quoting import shown_path


def write_output(path: Path, content: str | bytes, *, force: bool = False) -> None:
    """Writes a file in one step: to a temporary file beside it, which then takes its name.

    A text is written as UTF-8. Raises InputError, and leaves what is there, if the folder does not
    exist or cannot be written, or if the file is not one that this program made, unless ``force``.
    """
    write_outputs({path: content}, force=force)


def write_outputs(contents: Mapping[Path, str | bytes], *, force: bool = False) -> None:
    """Writes several files: all of them to temporary files first, so that none lacks another.

    Raises InputError as ``write_output`` does.
    """
    written: list[tuple[str, Path, Place]] = []
    place = None
    try:
        for path, content in contents.items():
            place = Place(shown_path(path))
            _write_beside(Path(os.path.realpath(path)), content, force, place, written)
        while written:
            temporary, path, place = written[0]
            os.replace(temporary, path)
            written.pop(0)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot be written: {reason}", place) from None
    finally:
        for temporary, _, _ in written:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def _write_beside(
    path: Path,
    content: str | bytes,
    force: bool,
    place: Place,
    written: list[tuple[str, Path, Place]],
) -> None:
    """Writes a temporary file beside a path that may be written, and notes it."""
    import tempfile

    if path.is_dir():
        raise InputError("this is a folder; -o needs the name of a file", place)
    if path.exists() and not path.is_file():
        raise InputError("this is no regular file; -o - prints", place)
    if not path.parent.is_dir():
        raise InputError("the folder to write into does not exist", place)
    if not force and path.exists() and not is_ours(path):
        raise InputError("this file was not made by bptt-sym; --force writes over it", place)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
    written.append((temporary, path, place))
    with os.fdopen(handle, "wb") as stream:
        stream.write(content.encode() if isinstance(content, str) else content)
        stream.flush()
        os.fsync(stream.fileno())
    os.chmod(temporary, mode)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
