"""generated/ and docs/ hold what the commands make today; tools/renew.py makes them anew."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import bptt_sym

ROOT = Path(__file__).parent.parent
GENERATED = ROOT / "generated"
MODULES = sorted(GENERATED.glob("*.py"))


@pytest.fixture(scope="module")
def renewed(tmp_path_factory):
    """A folder in which the project's own command has made generated/ anew."""
    folder = tmp_path_factory.mktemp("renewed")
    command = [sys.executable, str(ROOT / "tools" / "renew.py"), "--no-picture"]
    subprocess.run([*command, "--into", str(folder)], check=True)
    return folder / "generated"


def test_the_files_are_those_that_the_command_makes(renewed):
    kept = {path.name for path in GENERATED.iterdir() if path.is_file()}
    made = {path.name for path in renewed.iterdir()}
    assert kept == made | {"README.md", "ruff.toml"}


@pytest.mark.parametrize(
    "name",
    [
        "elman.txt",
        "elman.tex",
        "elman-jacobian.tex",
        "elman-adjoint.tex",
        "elman.json",
        "elman-notes.tex",
        "elman-notes-solutions.tex",
        "elman.py",
        "lstm.py",
    ],
)
def test_making_a_file_again_gives_the_same_bytes(renewed, name):
    again = (renewed / name).read_bytes()
    assert again == (GENERATED / name).read_bytes(), "python tools/renew.py makes it anew"


def test_the_picture_shows_the_present_derivation():
    """The fragment that was drawn is kept beside its picture."""
    derivation = bptt_sym.derive(
        bptt_sym.load_model("elman"), wrt=["W_y", "W_s"], steps=3, number_from=36
    )
    drawn = (ROOT / "docs" / "derivation.tex").read_text(encoding="utf-8")
    assert derivation.latex() == drawn, "python tools/renew.py draws it anew"
    assert (ROOT / "docs" / "derivation.png").exists()


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("unfolded", lambda: bptt_sym.figure(bptt_sym.load_model("elman"), 3)),
        ("path", lambda: bptt_sym.figure(bptt_sym.load_model("elman"), 3, path="W_s")),
        ("lstm", lambda: bptt_sym.figure(bptt_sym.load_model("lstm"), width=16)),
    ],
)
def test_the_figures_in_docs_are_those_of_today(name, figure):
    """All but the letters' outlines, which are Matplotlib's, and whose last digits may change."""
    kept = (ROOT / "docs" / f"{name}.svg").read_text(encoding="utf-8")
    made = figure().svg()
    outlines = re.compile(r'(data-label="[^"]*") d="[^"]*"')
    assert outlines.sub(r"\1", kept) == outlines.sub(r"\1", made), "python tools/renew.py draws it"


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_an_emitted_module_passes_ruff_unedited(module):
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", str(module)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_an_emitted_module_imports_numpy_and_the_standard_library_alone(module):
    imported = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            imported.add(node.module.partition(".")[0])
    assert "numpy" in imported
    assert imported <= {"numpy"} | sys.stdlib_module_names


def test_the_listing_of_the_readme_is_complete():
    """Each file is named in generated/README.md beside the command that its first lines hold."""
    listing = (GENERATED / "README.md").read_text(encoding="utf-8")
    for path in GENERATED.iterdir():
        if path.suffix in {".txt", ".tex", ".json", ".py"}:
            assert f"`{path.name}`" in listing
