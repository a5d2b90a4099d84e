"""A program as one self-contained NumPy module."""

from __future__ import annotations

from bptt_sym.algebra.functions import FUNCTIONS, Elementwise
from bptt_sym.emit.numpy.arrays import Arrays
from bptt_sym.emit.numpy.bodies import backward_body, forward_body, loss_body
from bptt_sym.emit.numpy.names import Names
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
    jinja = environment(
        {"math": lambda expression: ascii_text(typeset(expression)), "quoted": _quoted}
    )
    return jinja.get_template("numpy/module.py.j2").render(
        program=program,
        model=program.model,
        arrays=arrays,
        helpers=_helpers(arrays),
        forward_body=forward_body(arrays),
        loss_body=loss_body(arrays),
        backward_body=backward_body(arrays),
        made_by=MADE_BY,
        command=generate_command(program),
    )


def generate_command(program: Program) -> str:
    """The command that generates a program's module again."""
    words = ["generate", program.model.reference, "--loss", program.loss_kind]
    for name, known in program.functions.items():
        if program.model.functions[name] != known:
            words += ["--activation", f"{name}={known}"]
    return command_line(words)


def _quoted(words: str) -> str:
    """Words of a user as they may stand in a docstring and in a comment."""
    return words.replace("\\", "\\\\").replace('"', '\\"')


def _helpers(arrays: Arrays) -> list[str]:
    """The definitions that the functions in use need."""
    used = {
        node.function
        for statement in arrays.statements
        for node in statement.expression.atoms(Elementwise)
    }
    return [FUNCTIONS[name].definition for name in sorted(used) if FUNCTIONS[name].definition]
