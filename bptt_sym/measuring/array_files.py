"""Arrays from files: of NumPy, .npz, or of text, .toml and .json; nothing in them is run."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bptt_sym.errors import InputError, Place
from bptt_sym.limits import MEASURED_BYTES
from bptt_sym.measuring.number_files import ENDINGS, numbers_from
from bptt_sym.quoting import shown_path


def arrays_from(source: Mapping[str, Any] | str | Path | None) -> dict[str, Any]:
    """The arrays of a mapping, of a file as numpy.savez writes it, or of one with numbers as text,
    by their names.

    Raises InputError for what is no such file, for one that holds objects, and for too large a one.
    """
    if source is None:
        return {}
    if isinstance(source, Mapping):
        return dict(source)
    if Path(source).suffix in ENDINGS:
        return numbers_from(Path(source))
    place = Place(shown_path(source))
    try:
        with zipfile.ZipFile(source) as archive:
            # What is packed can be a thousand times as large.
            MEASURED_BYTES.check(sum(entry.file_size for entry in archive.infolist()), place)
        with np.load(source, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", place) from None
    except (ValueError, zipfile.BadZipFile, EOFError, KeyError, NotImplementedError):
        raise InputError(
            "this is no .npz file of arrays, as numpy.savez writes it", place
        ) from None
    except Exception as error:
        if isinstance(error, MemoryError):
            raise
        raise InputError(
            "this is no .npz file of arrays, as numpy.savez writes it", place
        ) from None
