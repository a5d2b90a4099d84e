"""The readable style of a layer: the way back is a function of its own."""

from __future__ import annotations

from dataclasses import replace

from bptt_sym.targets.numpy.comments import Numbers
from bptt_sym.targets.numpy.interface import Interface
from bptt_sym.targets.numpy.outline import Outline
from bptt_sym.targets.numpy.precedence import Code, call
from bptt_sym.targets.numpy.prologue import Prologue
from bptt_sym.targets.numpy.python_names import PythonNames
from bptt_sym.targets.numpy.readable import ReadableBody
from bptt_sym.targets.numpy.signature import Argument
from bptt_sym.targets.numpy.statements import WIDTH, Block, Statements


class ReadableLayer(ReadableBody):
    """What the forward pass of a layer returns is all that its way back needs."""

    def __init__(
        self, outline: Outline, interface: Interface, names: PythonNames, numbers: Numbers
    ) -> None:
        super().__init__(outline, interface, names, numbers)
        self.whole = self.whole_body()

    @property
    def handed_back(self) -> list[Argument]:
        given = self.interface.forward_arguments
        return [replace(entry, meaning=f"{entry.meaning}, as it was given") for entry in given]

    @property
    def given_back(self) -> list[str]:
        """The arguments of the forward pass as entries of a mapping, from what it returned."""
        return [f'"{argument.name}": values.{argument.name}' for argument in self.handed_back]

    def around(self, write: Statements, gradients: Code, states: Code) -> tuple[Block, list[Block]]:
        prologue = Prologue(write, self.interface)
        begin = prologue.lines(self.interface.into_all, as_mapping=True)
        begin += prologue.unpacked("values", self.returned, self.handed_back)
        result = call("Gradients(", [gradients, states, "by_inputs"])
        return begin, [result.lines("return ", WIDTH)]

    def whole_body(self) -> list[Block]:
        """The loss that stands in, and its gradients: the way forward, and back."""
        write = self.printer("backward")
        prologue = Prologue(write, self.interface)
        final = self.final_state(write)
        back = "found = pulled_back(params, values, arguments, inputs=inputs)"
        calls = [*self.calls(write), back]
        write.used |= {"arguments"}
        begin = prologue.lines(self.interface.into_all, calls)
        begin += prologue.unpacked("values", self.returned, self.handed_back)
        result = call(
            "Result(", ["value", "found.parameters", "found.initial", "final", "found.inputs"]
        )
        return self.filled(write, [begin, final, result.lines("return ", WIDTH)])
