"""The Python interface: load a model, derive, generate, compile, verify."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from bptt_sym.choices import (
    FORMS,
    LAYOUTS,
    LOSSES,
    STYLES,
    Layout,
    Level,
    Loss,
    Style,
)
from bptt_sym.derivation.derive import MOST_FACTORS, check_choice
from bptt_sym.derivation.derive import derive as derive_plainly
from bptt_sym.derivation.masked_model import masked_model
from bptt_sym.derived import Derivation
from bptt_sym.figures.figure import Figure, figure
from bptt_sym.measuring.measure_model import measure
from bptt_sym.model.cell import cell
from bptt_sym.model.library import load_model, model_names
from bptt_sym.model.model import Model
from bptt_sym.model.notations import in_notation, notation_names
from bptt_sym.render.text import model_text

if TYPE_CHECKING:
    from bptt_sym.verification.verify import Report


def derive(
    model: Model,
    wrt: str | Iterable[str] | None = None,
    steps: int = 3,
    *,
    level: Level = "chain",
    loss: Loss = "last",
    number_from: int | None = None,
    most_factors: int = MOST_FACTORS,
    paths: bool = False,
    masked: bool = False,
    notation: str | Path | None = None,
) -> Derivation:
    """The gradient of a loss with respect to parameters, unfolded over ``steps`` time steps.

    ``wrt`` names one parameter or several, or inputs; without it, these are all parameters in the
    order of the model file.
    ``level`` is "chain" (products of partial derivatives), "jacobian" (each as its matrix) or
    "adjoint" (the backward recursion); ``loss`` is "last" (E_N alone), "sum" (E_1 + ... + E_N) or
    "mean". A chain of more than ``most_factors`` factors is abbreviated. With ``paths``, the paths
    through the unfolding to the copies of each parameter are counted, and listed where they are
    few. ``masked`` adds a mask, for sequences of different lengths. ``notation`` is the name of a
    notation that ships, or the path of a notation file. Raises InputError for a parameter, level,
    loss, notation or number that is not among these.

    >>> print(derive(load_model("elman"), wrt="W_y").text().splitlines()[-2])
      (1)   ∂E₃/∂W_y = ∂E₃/∂y₃ · ∂y₃/∂W_y
    """
    if masked:
        model = masked_model(model, loss)
    plain = derive_plainly(
        model if notation is None else in_notation(model, notation),
        wrt,
        steps,
        level=level,
        loss=loss,
        number_from=number_from,
        most_factors=most_factors,
        paths=paths,
    )
    return Derivation(**{field.name: getattr(plain, field.name) for field in fields(plain)})


def generate(
    model: Model,
    *,
    activation: Mapping[str, str] | None = None,
    loss: Loss = "sum",
    masked: bool = False,
    style: Style = "fast",
    layout: Layout | None = None,
) -> str:
    """The source of a self-contained NumPy module with the model's loss and gradients.

    ``activation`` names the function that stands for a symbolic one, as {"phi": "tanh"}; without,
    it is the model file's. ``masked`` adds a mask, for sequences of different lengths. The
    ``style`` is "fast", compiled for speed, or "readable", one statement for each equation;
    ``layout`` is that of the fast style's loops, "rows" or "features", without which the compiler
    chooses. Raises InputError for an unknown function, loss, style or layout.
    """
    from bptt_sym.graph.build import build_program
    from bptt_sym.targets.numpy.module import numpy_module

    check_choice("loss", loss, LOSSES)
    check_choice("style", style, STYLES)
    if layout is not None:
        check_choice("layout", layout, LAYOUTS)
    if masked:
        model = masked_model(model, loss)
    program = build_program(model, dict(activation or {}), loss)
    return numpy_module(program, style, layout=layout)


def program_text(
    model: Model,
    *,
    after: str = FORMS[-1],
    activation: Mapping[str, str] | None = None,
    loss: Loss = "sum",
    masked: bool = False,
) -> str:
    """What the compiler makes of a model, as text: one statement for each value, with its shape.

    ``after`` is one of its forms: "graph", as it was built, one of the passes, "arrays", where its
    values lie, or "calls", those of NumPy. Raises InputError for another one.
    """
    from bptt_sym.graph.build import build_program
    from bptt_sym.memory.compiled import compiled
    from bptt_sym.passes.pipeline import rewritten
    from bptt_sym.targets.numpy.free_sizes import with_free_sizes
    from bptt_sym.targets.numpy.module import numpy_calls
    from bptt_sym.targets.text.listing import listing

    check_choice("loss", loss, LOSSES)
    check_choice("form", after, FORMS)
    if masked:
        model = masked_model(model, loss)
    built = with_free_sizes(build_program(model, dict(activation or {}), loss))
    match after:
        case "calls":
            return numpy_calls(built)
        case "arrays":
            found = compiled(built)
            return listing(found.graph, found.storages)
        case "graph":
            return listing(built.graph)
    return listing(rewritten(built.graph, until=after))


def compile(  # noqa: A001 - the name says what it does, as re.compile does
    model: Model,
    *,
    activation: Mapping[str, str] | None = None,
    loss: Loss = "sum",
    masked: bool = False,
    style: Style = "fast",
    layout: Layout | None = None,
) -> ModuleType:
    """The generated module of a model, ready to call, without a file.

    >>> module = compile(load_model("elman"))
    >>> module.Parameters._fields
    ('W_y', 'W_s', 'W_x')
    """
    from bptt_sym.targets.load import module_from_source

    source = generate(
        model, activation=activation, loss=loss, masked=masked, style=style, layout=layout
    )
    return module_from_source(source, model.name)


def verify(
    subject: Model | ModuleType,
    *,
    steps: int | None = None,
    seed: int = 0,
    tolerance: float | None = None,
    activation: Mapping[str, str] | None = None,
    loss: Loss = "sum",
    masked: bool = False,
    style: Style = "fast",
) -> Report:
    """Checks every gradient of a model's module, or of a generated one, against its own loss.

    By complex step, central differences and the tangent-adjoint test, at several random points.
    ``activation``, ``loss``, ``masked`` and ``style`` are for a model. The report is true where all
    checks hold. Raises InputError for a module that is not a generated one.

    >>> bool(verify(load_model("elman")))
    True
    """
    from bptt_sym.verification.verify import TOLERANCE, verify_module
    from bptt_sym.verification.work import check_work

    module = subject
    if isinstance(module, Model):
        check_work(module, steps)
        module = compile(module, activation=activation, loss=loss, masked=masked, style=style)
    bound = TOLERANCE if tolerance is None else tolerance
    return verify_module(module, steps=steps, seed=seed, tolerance=bound)


def verify_file(
    path: Path,
    *,
    steps: int | None = None,
    seed: int = 0,
    tolerance: float | None = None,
    run: bool = False,
) -> Report:
    """``verify`` for a generated module in a file.

    The file is read as data first: Raises InputError unless it is as bptt-sym wrote it. With
    ``run`` any file is run, whatever it does.
    """
    from bptt_sym.targets.load import module_from_file

    return verify(module_from_file(path, run=run), steps=steps, seed=seed, tolerance=tolerance)


__all__ = [
    "Derivation",
    "Figure",
    "Model",
    "cell",
    "compile",
    "derive",
    "figure",
    "generate",
    "load_model",
    "measure",
    "model_names",
    "model_text",
    "notation_names",
    "program_text",
    "verify",
    "verify_file",
]
