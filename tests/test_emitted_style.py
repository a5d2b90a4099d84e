"""Emitted modules are clean under the project's own rules of ruff and under mypy --strict, and are
what ``verify FILE.py`` takes for emitted ones.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.cells import CELLS, FEW, name_of
from support.draws import draws
from support.random_models import models
from test_random_models import LOSSES, random_models

import bptt_sym as b
from bptt_sym.choices import STYLES
from bptt_sym.errors import InputError
from bptt_sym.model.read import parse_model
from bptt_sym.targets.numpy.accepted import check_emitted

RULES = Path(__file__).parent.parent / "pyproject.toml"

SOME = [cell for cell in CELLS if name_of(cell) in FEW]
OTHERS = [cell for cell in CELLS if name_of(cell) not in FEW]
GROUPS = [
    pytest.param(SOME, (False,), id="some", marks=pytest.mark.exhaustive),
    pytest.param(SOME, (True,), id="some, masked", marks=pytest.mark.exhaustive),
    pytest.param(OTHERS, (False, True), id="others", marks=pytest.mark.exhaustive),
]


def write_modules(folder: Path, cells: list[str | Path], masks: tuple[bool, ...]) -> None:
    """Modules of cells in both styles, with or without a mask, each for one of the losses."""
    losses = itertools.cycle(LOSSES)
    for cell, style, masked in itertools.product(cells, STYLES, masks):
        try:
            source = b.generate(b.load_model(cell), loss=next(losses), style=style, masked=masked)
        except InputError:
            assert masked  # some models take no mask
            continue
        check_emitted(source, "the module")
        name = f"{name_of(cell)}_{style}{'_masked' if masked else ''}".replace("-", "_")
        (folder / f"{name}.py").write_text(source, encoding="utf-8")


def complaints(tool: str, *options: str) -> str:
    """What a tool says where it does not pass."""
    command = [sys.executable, "-m", tool, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def of_ruff(folder: Path) -> str:
    return complaints("ruff", "check", "--no-cache", "--config", str(RULES), str(folder))


@pytest.mark.parametrize(("cells", "masks"), GROUPS)
def test_modules_are_clean(
    cells: list[str | Path], masks: tuple[bool, ...], tmp_path: Path
) -> None:
    write_modules(tmp_path, cells, masks)
    assert of_ruff(tmp_path) == ""
    cache = str(tmp_path / "cache")
    assert complaints("mypy", "--strict", "--cache-dir", cache, str(tmp_path)) == ""


@settings(random_models, max_examples=draws(60))
@given(models(), st.sampled_from(LOSSES))
def test_modules_of_random_models_are_clean(
    tmp_path_factory: pytest.TempPathFactory, text: str, loss: str
) -> None:
    folder = tmp_path_factory.mktemp("modules")
    for style in STYLES:
        source = b.generate(parse_model(text), loss=loss, style=style)
        check_emitted(source, "the module")
        (folder / f"{style}.py").write_text(source, encoding="utf-8")
    assert of_ruff(folder) == ""


def test_what_is_not_clean_is_told(tmp_path: Path) -> None:
    source = b.generate(b.load_model("elman"), style="readable")
    path = tmp_path / "module.py"
    path.write_text(source.replace("s: Array  #", "s: int  #", 1) + "import os\n", encoding="utf-8")
    assert "F401" in of_ruff(tmp_path)
    assert "error" in complaints("mypy", "--strict", str(path))
