"""What no emitted module may have: the attributes that lead out of it."""

from __future__ import annotations

import types

_KINDS = (types.GeneratorType, types.FrameType, types.CodeType, types.TracebackType)
_PREFIXES = ("gi_", "f_", "co_", "tb_")

REACHING = frozenset(
    {
        "ctypes", "dump", "format", "format_map", "mro", "tofile",
        *(name for kind in _KINDS for name in dir(kind) if name.startswith(_PREFIXES)),
    }
)  # fmt: skip
"""The attributes by which Python's and NumPy's objects lead to files, memory, frames and types: no
module that is emitted has one, so that a file is told to be one.
"""
