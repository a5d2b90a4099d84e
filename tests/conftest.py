"""The whole suite runs with ``eval``, ``exec`` and SymPy's string parsing armed to fail.

Text of a user must reach none of them. The import system, Jinja, dataclasses and test tools use
``exec`` of their own code, so a call fails only where it comes from this package or from SymPy.
"""

from __future__ import annotations

import builtins
import os
import sys
from collections import Counter

import pytest
import sympy.parsing.sympy_parser as parser
from support.cells import is_of_the_rest
from support.draws import FACTOR

_GUARDED = ("bptt_sym", "sympy")
_AST_ONLY = 0x400


class ArmedError(AssertionError):
    """User text may have reached a function that runs it."""


def _armed(name: str, original):
    def guard(source, *args, **kwargs):
        frame = sys._getframe(1)
        caller = frame.f_globals.get("__name__", "")
        guarded = caller.split(".")[0] in _GUARDED
        parses = name == "compile" and len(args) > 2 and args[2] & _AST_ONLY
        if guarded and not parses:
            raise ArmedError(f"{caller} calls {name} on {str(source)[:60]!r}")
        if name != "compile" and not (args or kwargs):
            args = (frame.f_globals, frame.f_locals)
        return original(source, *args, **kwargs)

    return guard


def _forbidden(*args, **kwargs):
    raise ArmedError(f"SymPy parses a string: {args[:1]}")


@pytest.fixture(autouse=True, scope="session")
def armed():
    patch = pytest.MonkeyPatch()
    for name in ("eval", "exec", "compile"):
        patch.setattr(builtins, name, _armed(name, getattr(builtins, name)))
    for name in ("parse_expr", "eval_expr"):
        patch.setattr(parser, name, _forbidden)
    yield
    patch.undo()


def pytest_addoption(parser):
    parser.addoption(
        "--part", metavar="K/N", default="1/1", help="of the chosen tests, every N-th from the K-th"
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Marks tests before -m chooses among them, and keeps the part of these that --part names."""
    mark(items)
    yield
    part, parts = map(int, config.getoption("--part").split("/"))
    config.hook.pytest_deselected(items=[t for k, t in enumerate(items) if k % parts != part - 1])
    items[:] = items[part - 1 :: parts]


def mark(items):
    """Marks what an exhaustive run adds: most of a cross product, and larger draws."""
    met = Counter()
    for item in items:
        values = item.callspec.params.values() if hasattr(item, "callspec") else ()
        chosen = item.get_closest_marker("one_in")
        if any(map(is_of_the_rest, values)):
            item.add_marker(pytest.mark.exhaustive)
        elif chosen is not None:
            met[item.function] += 1
            if met[item.function] % chosen.args[0] != 1:
                item.add_marker(pytest.mark.exhaustive)
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.drawn)


def pytest_report_header():
    fuzzed = os.environ.get("BPTT_SYM_FUZZ", "2000")
    return [
        f"random examples: {FACTOR} of the number that each test names (BPTT_SYM_DRAWS)",
        f"random texts of files: {fuzzed} (BPTT_SYM_FUZZ)",
    ]
