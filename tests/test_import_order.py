"""Imports go one way: a module imports only from its own stage and from those before it."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "bptt_sym"

STAGES = (
    "version",
    "choices",
    "excerpt",
    "errors",
    "limits",
    "quoting",
    "made_by",
    "reserved",
    "output",
    "algebra",
    "model",
    "derivation",
    "graph",
    "passes",
    "memory",
    "templating",
    "render",
    "figures",
    "targets",
    "verification",
    "pytorch",
    "measuring",
    "documents",
    "derived",
    "api",
    "__init__",
    "commands",
    "cli",
    "__main__",
)
"""The way of the data, with what serves all stages before it and the ways in behind it."""

THIRD_PARTY = {"click", "jinja2", "matplotlib", "numpy", "sympy", "torch"}

MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
"""Every module by its name inside the package; the package itself is __init__."""


def imported(source: str) -> set[str]:
    """The modules that a source imports anywhere, also inside functions and for types only.

    What stands behind ``from package import`` may be a module: both names are given.
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found |= {alias.name for alias in names}
            case ast.ImportFrom(module=module, names=names, level=0):
                found.add(module)
                found |= {f"{module}.{alias.name}" for alias in names}
            case ast.ImportFrom():
                raise AssertionError("relative imports are not used here")
    return found


def inside(source: str) -> set[str]:
    """The modules of the package that a source imports, by their names inside it."""
    names = {name.removeprefix("bptt_sym.") for name in imported(source) if "bptt_sym." in name}
    return names & MODULES.keys()


IMPORTS = {name: inside(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def stage(module: str) -> int:
    return STAGES.index(module.partition(".")[0])


def test_the_imports_of_a_source_are_found_wherever_they_stand():
    source = """
import json
from bptt_sym import api
from bptt_sym.algebra import boxes
from bptt_sym.errors import InputError
def later():
    from bptt_sym.render.text import text
"""
    assert inside(source) == {"api", "algebra", "algebra.boxes", "errors", "render.text"}


def test_every_module_has_its_stage():
    assert {name.partition(".")[0] for name in MODULES} == set(STAGES)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_from_no_later_stage(module):
    backwards = [other for other in IMPORTS[module] if stage(other) > stage(module)]
    assert backwards == []


def test_no_modules_import_each_other():
    packages = {name for name, path in MODULES.items() if path.name == "__init__.py"}
    graph = {name: others - packages for name, others in IMPORTS.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError


@pytest.mark.parametrize("module", MODULES)
def test_only_declared_dependencies_are_imported(module):
    source = MODULES[module].read_text(encoding="utf-8")
    outside = {name.partition(".")[0] for name in imported(source)}
    assert outside <= THIRD_PARTY | sys.stdlib_module_names | {"bptt_sym"}


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("render.")])
def test_what_prints_does_not_derive(module):
    """SymPy's functions stay out of the printers: they may only know the node types of a size."""
    names = imported(MODULES[module].read_text(encoding="utf-8"))
    of_a_size = {f"sympy.{node}" for node in ("Add", "Mul", "Pow", "Symbol")}
    assert {name for name in names if name.startswith("sympy.")} <= of_a_size


def test_the_command_line_starts_without_sympy():
    """It takes a third of a second to import; --help and a wrong option need none of it."""
    check = (
        "import sys, bptt_sym.cli; print(sorted({'sympy', 'numpy', 'jinja2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
