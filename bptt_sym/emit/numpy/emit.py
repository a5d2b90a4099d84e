"""A program as one self-contained NumPy module."""

from __future__ import annotations

from bptt_sym.emit.numpy.arrays import Arrays
from bptt_sym.emit.numpy.bodies import backward_body, forward_body, loss_body
from bptt_sym.emit.numpy.definitions import DECREED, definitions_for
from bptt_sym.emit.numpy.names import Names
from bptt_sym.errors import InputError
from bptt_sym.program.program import Program
from bptt_sym.render.command import command_line
from bptt_sym.render.plain import ascii_text
from bptt_sym.render.typeset import typeset
from bptt_sym.templating import environment
from bptt_sym.version import MADE_BY


def numpy_module(program: Program) -> str:
    """The source of a module with ``forward``, ``loss`` and ``value_and_grad``."""
    names = Names([dimension.name for dimension in program.model.dimensions])
    arrays = Arrays(program, names)
    hidden = arrays.hidden_sizes
    if hidden:
        raise InputError(
            f"generated code cannot tell the size {hidden[0]} from its arrays, which have it in "
            f"no shape or in sums and products alone; give some array the size {hidden[0]} itself"
        )
    jinja = environment(
        {"math": lambda expression: ascii_text(typeset(expression)), "quoted": _quoted}
    )
    bodies = {
        "forward_body": forward_body(arrays),
        "loss_body": loss_body(arrays),
        "backward_body": backward_body(arrays),
    }
    lines = [line for body in bodies.values() for block in body for line in block]
    code = [line for line in lines if not line.lstrip().startswith("#")]
    definitions = definitions_for(code)
    return jinja.get_template("numpy/module.py.j2").render(
        program=program,
        model=program.model,
        arrays=arrays,
        helpers=list(definitions.values()),
        declared=[name for name in DECREED if name in definitions],
        made_by=MADE_BY,
        command=generate_command(program),
        **bodies,
    )


def generate_command(program: Program) -> str:
    """The command that generates a program's module again."""
    words = ["generate", program.model.reference, "--loss", program.loss_kind]
    if program.model.masked:
        words.append("--masked")
    for name, known in program.functions.items():
        if program.model.functions[name] != known:
            words += ["--activation", f"{name}={known}"]
    return command_line(words)


def _quoted(words: str) -> str:
    """Words of a user as they may stand in a docstring and in a comment."""
    return words.replace("\\", "\\\\").replace('"', '\\"')
