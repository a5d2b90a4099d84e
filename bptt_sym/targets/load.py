"""Generated source as a module, in memory, and modules from files."""

from __future__ import annotations

import importlib.util
import sys
from importlib.abc import SourceLoader
from pathlib import Path
from types import ModuleType

from bptt_sym.errors import InputError, Place
from bptt_sym.limits import MODULE_BYTES
from bptt_sym.quoting import shown_path
from bptt_sym.targets.numpy.accepted import check_emitted


class _TextLoader(SourceLoader):
    """Loads a module from a text; tracebacks show its lines."""

    def __init__(self, source: str, filename: str) -> None:
        self.source = source
        self.filename = filename

    def get_filename(self, fullname: str) -> str:
        return self.filename

    def get_data(self, path: str | bytes) -> bytes:
        return self.source.encode("utf-8")


def module_from_source(source: str, name: str) -> ModuleType:
    """The module of a generated source, without a file."""
    loader = _TextLoader(source, f"<generated {name}>")
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def module_from_file(path: Path, *, run: bool = False) -> ModuleType:
    """The module of a Python file, which is run: any with ``run``, else one as it was emitted.

    Raises InputError if there is no such file, if it is another one or if it cannot be run.
    """
    place = Place(shown_path(path))
    source = _read(path, place)
    if not run:
        check_emitted(source, place.file)
    loader = _TextLoader(source, str(path))
    spec = importlib.util.spec_from_loader("bptt_sym_verified", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    # A module may look itself up while it runs, as dataclasses do.
    sys.modules[spec.name] = module
    try:
        loader.exec_module(module)
    except SyntaxError as error:
        message = f"not a Python module: {error.msg}"
        raise InputError(message, Place(place.file, error.lineno, error.offset)) from None
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:
        raise InputError(f"cannot be imported: {type(error).__name__}: {error}", place) from None
    finally:
        del sys.modules[spec.name]
    return module


def _read(path: Path, place: Place) -> str:
    try:
        if path.exists() and not path.is_file():
            raise InputError("this is no regular file", place)
        with path.open("rb") as stream:
            data = stream.read(MODULE_BYTES.most + 1)
        MODULE_BYTES.check(len(data), place)
        return data.decode("utf-8")
    except FileNotFoundError:
        raise InputError("no such file", place) from None
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise InputError(f"cannot be read: {reason}", place) from None
