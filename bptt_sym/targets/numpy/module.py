"""A program as one self-contained NumPy module."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any

from bptt_sym.choices import Layout, Loss, Style
from bptt_sym.errors import InputError
from bptt_sym.graph.build import Program
from bptt_sym.memory.compiled import compiled
from bptt_sym.model.model import Model
from bptt_sym.passes.unweighted import unweighted
from bptt_sym.quoting import command_line, docstring
from bptt_sym.targets.fingerprint import fingerprint
from bptt_sym.targets.numpy.accepted import UNSEALED, sealed
from bptt_sym.targets.numpy.comments import Numbers
from bptt_sym.targets.numpy.fast import FastBody
from bptt_sym.targets.numpy.fitted import WIDTH, fitted, wrapped, wrapped_comment
from bptt_sym.targets.numpy.free_sizes import with_free_sizes
from bptt_sym.targets.numpy.initial import DRAWN, drawn_code, inits
from bptt_sym.targets.numpy.interface import Interface, math_text
from bptt_sym.targets.numpy.outline import Outline
from bptt_sym.targets.numpy.python_names import PythonNames
from bptt_sym.targets.numpy.readable import ReadableBody
from bptt_sym.targets.numpy.readable_layer import ReadableLayer
from bptt_sym.targets.numpy.runtime_text import DECREED, functions_for, runtime_text
from bptt_sym.targets.numpy.signature import Argument
from bptt_sym.templating import environment
from bptt_sym.version import MADE_BY

_SHARES: dict[Loss, str] = {"sum": "1", "mean": "(end - begin) / T", "last": "int(end == T)"}
"""What the loss of the steps from begin to end counts in that of all T."""

_LOSSES: dict[Loss, str] = {
    "sum": "The loss is the plain sum of {} over all time steps and sequences (--loss sum).",
    "mean": "The loss is the mean of {} over all time steps, summed over the sequences "
    "(--loss mean).",
    "last": "The loss is {} of the last time step, summed over the sequences (--loss last).",
}
"""What a module says of its loss."""


def numpy_module(
    program: Program,
    style: Style = "readable",
    *,
    layout: Layout | None = None,
    without: Collection[str] = (),
    numbers: Numbers | None = None,
    script: bool = True,
) -> str:
    """The source of a module with ``forward``, ``loss`` and ``value_and_grad``.

    In the style "readable" it has one statement for each equation; the style "fast" is the graph
    after all passes but those of ``without``. Comments name the ``numbers`` of equations, which are
    given by their meanings. As a ``script`` it checks its own gradients.
    """
    program = with_free_sizes(program)
    names, interface = _named(program)
    body: Any
    if style == "fast":
        body = _fast_body(program, names, interface, layout, without)
    else:
        outline = Outline(unweighted(program.graph))
        kind = ReadableLayer if interface.is_layer else ReadableBody
        body = kind(outline, interface, names, numbers or {})
    math = partial(math_text, decimals=program.graph.decimals)
    filters: dict[str, Callable[..., object]] = {
        "math": math, "quoted": docstring, "runtime": runtime_text, "fitted": fitted,
        "wrapped": wrapped, "entries": _entries, "placed": _placed, "buffers": _buffers,
        "field": _field,
    }  # fmt: skip
    template = environment(filters).get_template(f"numpy/{style}.py.j2")
    text = template.render(
        **_about(program),
        **_drawing(program.model, interface),
        interface=interface,
        body=body,
        functions=functions_for(body.used),
        decreed=DECREED,
        script=script,
        waits=interface.is_layer and style == "fast",
        public=_public(program, style, interface),
        command=generate_command(program, style, layout),
    )
    return sealed(text)


def _about(program: Program) -> dict[str, Any]:
    """What a module says of its model and of its loss."""
    row = program.reduction
    return {
        "program": program,
        "model": program.model,
        "made_by": MADE_BY,
        "fingerprint": fingerprint(program.model),
        "unsealed": UNSEALED,
        "known": ", ".join(f"{name} = {known}" for name, known in program.functions.items()),
        "dimensions": "".join(f", {d.name} {d.meaning}" for d in program.model.dimensions),
        "params": ["params: Parameters | Mapping[str, npt.ArrayLike]"],
        "of_loss": _of_loss(program),
        "share": _SHARES[row.name],
        "needs_a_step": row.needs_a_step,
        "ends_apart": program.model.masked and (row.at_last or program.model.terminal is not None),
    }


def _of_loss(program: Program) -> str:
    """What a module says of its loss."""
    model = program.model
    said = [_LOSSES[program.reduction.name].format(math_text(model.loss.variable))]
    if model.terminal is not None:
        of_last = math_text(model.terminal.variable)
        said.append(f"Added is {of_last} of the last time step, summed over the sequences.")
    if model.regularizer is not None:
        once = math_text(model.regularizer.left)
        said.append(f"{once} is added once, for all time steps and sequences together.")
    if model.outputs:
        signals = ", ".join(math_text(model.symbol(name)) for name in model.outputs.values())
        said.append(
            f"It stands in for the loss of the layer above, which gives {signals}: while error "
            "signals are held constant, both have the same gradients."
        )
    return " ".join(said)


def _entries(mapping: Mapping[str, str] | Iterable[tuple[str, str]]) -> list[str]:
    """Names of a mapping with their strings, as code."""
    return [f'"{name}": "{text}"' for name, text in dict(mapping).items()]


def _placed(fields: Mapping[str, tuple[str, int | None]]) -> list[str]:
    """Names of a mapping with pairs of a field's name and a place in it, as code."""
    return [f'"{name}": ("{field}", {place})' for name, (field, place) in fields.items()]


def _buffers(unpadded: Mapping[str, str], *, none: bool = False) -> list[str]:
    """Names of a mapping with the arrays of a workspace that are theirs, or None, as code."""
    pairs = unpadded.items()
    return [f'"{name}": {"None" if none else f"work.{buffer}"}' for name, buffer in pairs]


def _field(argument: Argument) -> str:
    """A field of a tuple with what it holds behind it, or above where that is long."""
    line = f"{argument.name}: Array"
    meaning = f"{argument.shape_text}, {argument.meaning}"
    if len(line + meaning) <= WIDTH - 8:
        return f"{line}  # {meaning}"
    return "\n    ".join([*wrapped_comment(meaning), line])


def _drawing(model: Model, interface: Interface) -> dict[str, Any]:
    """The calls that make parameters, and the functions that these need."""
    begins = inits(model)
    of_columns = model.vectors == "columns"
    calls = [
        (argument, drawn_code(init, model.declaration(name), argument, of_columns=of_columns))
        for argument, (name, init) in zip(interface.parameters, begins.items(), strict=True)
    ]
    needed = [text for name, text in DRAWN.items() if name in begins.values()]
    return {"drawing": needed, "drawn": calls}


def _public(program: Program, style: Style, interface: Interface) -> list[str]:
    """The names that a module is used by."""
    names = [
        "Dimensions", "Forward", "InitialState", "Inputs", "Parameters", "Result", "State",
        "forward", "init_parameters", "loss", "value_and_grad",
    ]  # fmt: skip
    if interface.is_layer:
        names += ["Gradients", "Outputs", "backward"]
    if style == "fast":
        names.append("Workspace")
    if style == "fast" and interface.is_onward:
        names += ["StepWorkspace", "initial_state", "step"]
    if program.model.masked:
        names.append("mask_of")
    return sorted(names, key=lambda name: (name[0].islower(), name))


def numpy_calls(program: Program) -> str:
    """What a fast module computes, without the functions around it: its arrays and its calls."""
    program = with_free_sizes(program)
    fast = _fast_body(program, *_named(program))
    parts = {
        "workspace": [f"{name}: {shape}" for name, shape in fast.workspace.buffers],
        "views": fast.prologue,
        "forward": fast.forward,
        "loss": fast.loss,
        "backward": fast.backward,
    }
    return "\n".join(
        "\n".join([name, *(f"    {line}".rstrip() for line in lines), ""])
        for name, lines in parts.items()
        if lines
    )


def _named(program: Program) -> tuple[PythonNames, Interface]:
    names = PythonNames([dimension.name for dimension in program.model.dimensions])
    interface = Interface(program, names)
    hidden = interface.hidden_sizes
    if hidden:
        raise InputError(
            f"generated code cannot tell the size {hidden[0]} from its arrays, which have it in "
            f"no shape or in sums and products alone; give some array the size {hidden[0]} itself"
        )
    return names, interface


def _fast_body(
    program: Program,
    names: PythonNames,
    interface: Interface,
    layout: Layout | None = None,
    without: Collection[str] = (),
) -> FastBody:
    # First, so that nothing of the compiler's own takes a name that the model has.
    interface.claim_names()
    return FastBody(compiled(program, layout=layout, without=without), interface, names)


def generate_command(program: Program, style: Style, layout: Layout | None) -> str:
    """The command that generates a program's module again."""
    words = [
        "generate",
        program.model.reference,
        "--loss",
        program.reduction.name,
        "--style",
        style,
    ]
    if layout is not None:
        words += ["--layout", layout]
    if program.model.masked:
        words.append("--masked")
    for name, known in program.functions.items():
        if program.model.functions[name] != known:
            words += ["--activation", f"{name}={known}"]
    return command_line(words)
