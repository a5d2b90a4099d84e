"""A program as one self-contained NumPy module."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from bptt_sym.choices import Layout, Style
from bptt_sym.derivation.derivation import Loss
from bptt_sym.errors import InputError
from bptt_sym.graph.build import Program
from bptt_sym.memory.compiled import compiled
from bptt_sym.passes.unweighted import unweighted
from bptt_sym.quoting import command_line, docstring
from bptt_sym.targets.fingerprint import fingerprint
from bptt_sym.targets.numpy.comments import Numbers
from bptt_sym.targets.numpy.fast import FastBody, fast_body
from bptt_sym.targets.numpy.fitted import fitted
from bptt_sym.targets.numpy.initial import DRAWN, drawn_code, inits
from bptt_sym.targets.numpy.interface import Interface, math_text
from bptt_sym.targets.numpy.names import Names
from bptt_sym.targets.numpy.outline import Outline
from bptt_sym.targets.numpy.readable import Readable
from bptt_sym.targets.numpy.runtime_text import DECREED, functions_for, runtime_text
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
    names, interface = _named(program)
    body: Any
    if style == "fast":
        body = _fast_body(program, names, interface, layout, without)
    else:
        outline = Outline(unweighted(program.graph))
        body = Readable(outline, interface, names, numbers or {}).body()
    functions = functions_for(body.used)
    begins = inits(program.model)
    filters: dict[str, Callable[..., object]] = {
        "math": math_text, "quoted": docstring, "runtime": runtime_text, "fitted": fitted
    }  # fmt: skip
    return (
        environment(filters)
        .get_template(f"numpy/{style}.py.j2")
        .render(
            program=program,
            model=program.model,
            interface=interface,
            body=body,
            functions=list(functions.values()),
            declared=[name for name in DECREED if name in functions],
            params=["params: Parameters | Mapping[str, npt.ArrayLike]"],
            of_loss=_LOSSES[program.loss].format(math_text(program.model.loss.variable)),
            share=_SHARES[program.loss],
            needs_a_step=program.loss != "sum",
            made_by=MADE_BY,
            fingerprint=fingerprint(program.model),
            script=script,
            drawing=[text for name, text in DRAWN.items() if name in begins.values()],
            drawn=[
                (
                    argument,
                    drawn_code(init, argument, of_columns=program.model.vectors == "columns"),
                )
                for argument, init in zip(interface.parameters, begins.values(), strict=True)
            ],
            public=_public(program, style, interface),
            command=generate_command(program, style, layout),
        )
    )


def _public(program: Program, style: Style, interface: Interface) -> list[str]:
    """The names that a module is used by."""
    names = [
        "Dimensions", "Forward", "InitialState", "Parameters", "Result", "State", "forward",
        "init_parameters", "loss", "value_and_grad",
    ]  # fmt: skip
    if style == "fast":
        names.append("Workspace")
    if style == "fast" and interface.is_onward:
        names += ["initial_state", "step"]
    if program.model.masked:
        names.append("mask_of")
    return sorted(names, key=lambda name: (name[0].islower(), name))


def numpy_calls(program: Program, layout: Layout | None = None) -> str:
    """What a fast module computes, without the functions around it: its arrays and its calls."""
    fast = _fast_body(program, *_named(program), layout)
    parts = {
        "workspace": [f"{name}: {shape}" for name, shape, _ in fast.buffers],
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


def _named(program: Program) -> tuple[Names, Interface]:
    names = Names([dimension.name for dimension in program.model.dimensions])
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
    names: Names,
    interface: Interface,
    layout: Layout | None,
    without: Collection[str] = (),
) -> FastBody:
    # First, so that nothing of the compiler's own takes a name that the model has.
    interface.claim_names()
    return fast_body(compiled(program, layout=layout, without=without), interface, names)


def generate_command(program: Program, style: Style, layout: Layout | None) -> str:
    """The command that generates a program's module again."""
    words = ["generate", program.model.reference, "--loss", program.loss, "--style", style]
    if layout is not None:
        words += ["--layout", layout]
    if program.model.masked:
        words.append("--masked")
    for name, known in program.functions.items():
        if program.model.functions[name] != known:
            words += ["--activation", f"{name}={known}"]
    return command_line(words)
