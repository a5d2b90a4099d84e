"""A wheel built from the checkout works in a fresh environment, away from the checkout."""

import importlib.util
import os
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

DEPENDENCIES = ("click", "jinja2", "markupsafe", "mpmath", "numpy", "sympy")


def run(*command: str, cwd: Path) -> str:
    """What a command prints; nothing leads it to the checkout."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation")
    run(*build, "--outdir", str(folder), str(ROOT), cwd=folder)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The folder of the programs of an environment that has the wheel installed, without network.

    The dependencies are lent from here by a .pth file, which adds folders to look in but does not
    follow the .pth files in them: the editable install of this environment stays out of sight.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    python = str(programs / "python")
    install = (sys.executable, "-m", "pip", "--python", python, "install", "--no-deps")
    run(*install, "--no-index", "--quiet", str(wheel), cwd=folder)
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder)
    specs = [importlib.util.find_spec(name) for name in DEPENDENCIES]
    folders = {str(Path(spec.origin).parent.parent) for spec in specs}
    (Path(site.strip()) / "lent.pth").write_text("\n".join(sorted(folders)), encoding="utf-8")
    return programs


@pytest.fixture
def away(tmp_path):
    """An empty folder."""
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "bptt_sym/py.typed",
        "bptt_sym/model/cells/elman.toml",
        "bptt_sym/model/cells/elman-bias.toml",
        "bptt_sym/templates/derivation.tex.j2",
        "bptt_sym/templates/derivation.txt.j2",
        "bptt_sym/templates/numpy/fast.py.j2",
    ],
)
def test_the_wheel_holds_what_is_not_python(wheel, name):
    assert name in zipfile.ZipFile(wheel).namelist()


def test_the_wheel_holds_every_template_and_cell(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in (ROOT / "templates").rglob("*.j2"):
        assert f"bptt_sym/templates/{path.relative_to(ROOT / 'templates').as_posix()}" in names
    for path in (ROOT / "bptt_sym").rglob("*.toml"):
        assert path.relative_to(ROOT).as_posix() in names


def test_the_wheel_holds_the_license_and_nothing_of_the_tests(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (license_name,) = [name for name in archive.namelist() if name.endswith("/LICENSE")]
        assert archive.read(license_name).startswith(b"MIT License")
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert {top.partition("-")[0] for top in tops} == {"bptt_sym"}


def test_the_installed_package_is_the_one_that_runs(installed, away):
    where = run(
        str(installed / "python"), "-c", "import bptt_sym; print(bptt_sym.__file__)", cwd=away
    )
    assert Path(where.strip()).is_relative_to(installed.parent)
    root = run(
        str(installed / "python"),
        "-c",
        "from bptt_sym.templating import template_root; print(template_root())",
        cwd=away,
    )
    assert Path(root.strip()).is_relative_to(installed.parent)


def test_the_installed_program_derives(installed, away):
    shown = run(str(installed / "bptt-sym"), "derive", "--steps", "3", cwd=away)
    assert "∂E₃/∂y₃ · ∂y₃/∂s₃ · ∂s₃/∂s₂ · ∂s₂/∂s₁ · ∂s₁/∂W_s" in shown
    fragment = run(str(installed / "bptt-sym"), "derive", "--format", "latex", cwd=away)
    assert r"\begin{align}" in fragment
    assert list(away.iterdir()) == []


def test_the_installed_program_generates_a_module_and_verifies_it(installed, away):
    program = str(installed / "bptt-sym")
    run(program, "generate", "-o", "m.py", cwd=away)
    assert [path.name for path in away.iterdir()] == ["m.py"]
    table = run(program, "verify", "m.py", cwd=away)
    for name in ("W_y", "W_s", "W_x", "s0"):
        assert name in table


def test_the_installed_program_lists_its_models(installed, away):
    assert "\nlstm " in run(str(installed / "bptt-sym"), "models", cwd=away)


def test_the_lowest_versions_that_are_tested_are_those_that_are_allowed():
    """``.ci/run`` installs what ``.ci/lowest.txt`` says and runs the tests with it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    allowed = [*project["dependencies"], *project["optional-dependencies"]["figures"]]
    bounds = {entry.split(">=")[0]: entry.split(">=")[1] for entry in allowed}
    lines = (ROOT / ".ci" / "lowest.txt").read_text(encoding="utf-8").splitlines()
    tested = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert tested.keys() == bounds.keys()
    assert all(tested[name].startswith(bound) for name, bound in bounds.items())
