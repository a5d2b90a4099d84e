"""What a user of an emitted module takes in hand: arguments, types, names, and its own check."""

from __future__ import annotations

import importlib
import pickle
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.running import (
    arguments,
    difference,
    draw,
    gradients,
    parameters,
    sizes_of,
    workspace_for,
)

import bptt_sym as b

STYLES = ("fast", "readable")
NAMES = ("elman", "lstm", "elman-character", "bidirectional", "stacked")
OTHERS = {np.dtype(np.float32): np.float64, np.dtype(np.float64): np.float32}

names = st.sampled_from(NAMES)
styles = st.sampled_from(STYLES)


@cache
def compiled(name: str, style: Any, masked: bool = False) -> Any:
    return b.compile(b.load_model(name), style=style, masked=masked)


def drawn(name: str, style: str, masked: bool = False) -> Any:
    module = compiled(name, style, masked)
    return module, draw(module, sizes_of(b.load_model(name), 4, 3))


@settings(max_examples=30, deadline=None)
@given(names, styles)
def test_parameters_may_be_a_mapping(name: str, style: str) -> None:
    module, arrays = drawn(name, style)
    params, others = parameters(module, arrays), arguments(module, arrays)
    reordered = dict(reversed(params._asdict().items()))
    expected = module.value_and_grad(params, **others, inputs=True)
    found = module.value_and_grad(reordered, **others, inputs=True)
    assert found.value == expected.value == module.loss(reordered, **others)
    for one, other in zip(found[1:], expected[1:], strict=True):
        assert difference(one._asdict(), other._asdict()) == 0
    with pytest.raises(TypeError):
        module.loss(reordered | {"unknown": 1.0}, **others)


@settings(max_examples=60, deadline=None)
@given(names, styles, st.sampled_from(list(OTHERS)), st.data())
def test_results_have_the_type_of_the_parameters(
    name: str, style: str, dtype: Any, data: Any
) -> None:
    """Whatever the types of the arguments; labels are whole numbers."""
    module, arrays = drawn(name, style)
    chosen = data.draw(st.sets(st.sampled_from(sorted(arguments(module, arrays)))))
    kinds = (OTHERS[dtype], np.float16, np.int64)
    taken = data.draw(st.sampled_from(kinds))
    changed = {
        key: array if key in module.KINDS else np.asarray(array, taken if key in chosen else dtype)
        for key, array in arrays.items()
    } | {key: arrays[key].astype(dtype) for key in module.Parameters._fields}
    same = {
        key: array if key in module.KINDS else array.astype(dtype) for key, array in changed.items()
    }
    found = gradients(module, changed)
    assert {np.asarray(array).dtype for array in found.values()} == {dtype}
    assert difference(found, gradients(module, same)) == 0
    result = module.value_and_grad(parameters(module, changed), **arguments(module, changed))
    values = module.forward(parameters(module, changed), **arguments(module, changed, "forward"))
    assert {array.dtype for array in (*result.final, *values)} == {dtype}
    assert "The type of the parameters is that of all results" in module.__doc__


@pytest.mark.parametrize("style", STYLES)
def test_whole_numbers_as_parameters_are_computed_with_as_float64(style: str) -> None:
    module, arrays = drawn("elman", style)
    whole = {key: np.round(3 * array).astype(int) for key, array in arrays.items()}
    expected = gradients(module, {key: array.astype(float) for key, array in whole.items()})
    found = gradients(module, whole)
    assert {np.asarray(array).dtype for array in found.values()} == {np.dtype(float)}
    assert difference(found, expected) == 0


@settings(max_examples=40, deadline=None)
@given(names, styles, st.sampled_from([bool, int, np.float32, float]), st.booleans())
def test_a_mask_is_of_steps_and_sequences(name: str, style: str, kind: Any, flat: bool) -> None:
    module, arrays = drawn(name, style, masked=True)
    (mask,) = [key for key, meaning in module.KINDS.items() if meaning == "mask"]
    lengths = [4, 1, 3]
    given_mask = module.mask_of(lengths, 4, kind)
    assert given_mask.shape == (4, 3) and given_mask.dtype == np.dtype(kind)
    assert given_mask.sum(axis=0).tolist() == lengths
    whole = given_mask.astype(float)[..., None]
    expected = gradients(module, arrays | {mask: whole})
    found = gradients(module, arrays | {mask: given_mask if flat else given_mask[..., None]})
    assert difference(found, expected) == 0
    with pytest.raises(ValueError, match=f"^{mask} has the shape"):
        gradients(module, arrays | {mask: given_mask[:-1]})


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes the module of a model into a file and imports it by the file's name."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name: str, **options: Any) -> Any:
        stem = f"emitted_{name}_{options.get('style', 'fast')}".replace("-", "_")
        path = tmp_path / f"{stem}.py"
        path.write_text(b.generate(b.load_model(name), **options), encoding="utf-8")
        monkeypatch.delitem(sys.modules, stem, raising=False)
        importlib.invalidate_caches()
        module = importlib.import_module(stem)
        monkeypatch.setitem(sys.modules, stem, module)
        return module

    return write


def test_what_is_kept_between_calls_pickles(written: Any) -> None:
    """Parameters, states and results as they are, a workspace with new arrays of its sizes."""
    module = written("lstm")
    sizes = sizes_of(b.load_model("lstm"), 4, 3)
    arrays = draw(module, sizes)
    params, others = parameters(module, arrays), arguments(module, arrays)
    work = workspace_for(module, sizes, np.float32)
    result = module.value_and_grad(params, **others)
    for one in (params, result.final, result):
        again = pickle.loads(pickle.dumps(one))
        assert type(again) is type(one)
        np.testing.assert_array_equal(np.hstack(leaves(again)), np.hstack(leaves(one)))
    again = pickle.loads(pickle.dumps(work))
    assert (again.sizes, again.dtype) == (work.sizes, work.dtype)
    single = {key: array.astype(np.float32) for key, array in arrays.items()}
    expected = gradients(module, single)
    assert difference(gradients(module, single, workspace=again), expected) == 0


def leaves(tree: Any) -> list[Any]:
    return (
        [leaf for part in tree for leaf in leaves(part)]
        if isinstance(tree, tuple)
        else [np.ravel(tree)]
    )


@pytest.mark.parametrize("masked", [False, True], ids=["", "masked"])
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", ["elman", "bidirectional"])
def test_the_public_names_are_listed(name: str, style: Any, masked: bool, written: Any) -> None:
    module = written(name, style=style, masked=masked)
    public = set(module.__all__)
    assert all(hasattr(module, entry) for entry in public)
    assert {"Parameters", "Result", "loss", "value_and_grad", "init_parameters"} <= public
    assert ("Workspace" in public) == (style == "fast")
    assert ("step" in public) == hasattr(module, "step")
    assert ("mask_of" in public) == masked
    assert not public & {"checked", "run", "np", "main"}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("name", "masked"), [(name, name == "lstm") for name in NAMES])
def test_a_module_checks_its_own_gradients(
    name: str, masked: bool, style: Any, tmp_path: Path
) -> None:
    path = tmp_path / "module.py"
    path.write_text(b.generate(b.load_model(name), style=style, masked=masked), encoding="utf-8")
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    module = compiled(name, style, masked)
    tuples = (module.Parameters, module.InitialState, module.Inputs)
    checked = [name for fields in tuples for name in fields._fields]
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in lines[:-1]] == checked
    assert all(float(line.split()[1]) < 1e-12 for line in lines[:-1])
    assert lines[-1] == "all gradients hold"


def test_a_module_with_a_fault_says_so(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    source = b.generate(b.load_model("elman"), style="readable")
    planted = source.replace("ds_next = dz[t] @ W_s.T", "ds_next = dz[t] @ W_s")
    assert planted != source
    path.write_text(planted, encoding="utf-8")
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[-1] == "fails: W_s, W_x, s0, x"


def mark(model: b.Model, **options: Any) -> str:
    (line,) = [
        line for line in b.generate(model, **options).splitlines()[:8] if line.startswith("Model: ")
    ]
    return line


def test_the_header_tells_models_apart(tmp_path: Path) -> None:
    """By what they compute: not by the style, the name, or how their file looks."""
    marks = {name: mark(b.load_model(name)) for name in b.model_names()}
    assert len(set(marks.values())) == len(marks)
    assert marks["elman"] == mark(b.load_model("elman"), style="readable", loss="mean")
    text = (Path(b.__file__).parent / "model" / "cells" / "elman.toml").read_text("utf-8")
    path = tmp_path / "other.toml"
    path.write_text(f"# a remark\n{text}", encoding="utf-8")
    assert mark(b.load_model(path)) == marks["elman"]
    path.write_text(text.replace("x[t] @ W_x", "2 * x[t] @ W_x"), encoding="utf-8")
    assert mark(b.load_model(path)) != marks["elman"]


def test_a_report_is_true_where_all_holds() -> None:
    assert b.verify(b.load_model("elman"))
    broken = b.compile(b.load_model("elman"), style="readable")
    broken.loss = lambda params, **arrays: 2 * compiled("elman", "readable").loss(params, **arrays)
    report = b.verify(broken)
    assert not report and not report.holds
    assert {bool(check) for check in report.checks} == {check.holds for check in report.checks}
