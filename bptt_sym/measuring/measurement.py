"""The numbers of a model's gradients, which can write themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bptt_sym.choices import PICTURES
from bptt_sym.derivation.derive import check_choice
from bptt_sym.measuring.measure_text import measurement_text
from bptt_sym.measuring.measured_model import Measured, MeasuredModel
from bptt_sym.measuring.plain_data import csv_text, json_text, measured_data
from bptt_sym.render.medium import Medium

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, repr=False)
class Measurement(MeasuredModel):
    """A measured model that can write itself, as text, JSON or CSV."""

    def __getitem__(self, name: str) -> Measured:
        return self.parameters[name]

    def text(self, *, width: int | None = None, ascii: bool = False, color: bool = False) -> str:  # noqa: A002
        """Tables with bars, in Unicode or in ASCII."""
        return measurement_text(self, Medium(width, ascii, color))

    def data(self) -> dict[str, Any]:
        """All numbers but the contributions' entries, as dicts, lists and strings."""
        return measured_data(self)

    def json(self) -> str:
        """The data as JSON."""
        return json_text(self)

    def csv(self) -> str:
        """The same numbers as a table, one in each line."""
        return csv_text(self)

    def plot(self) -> Figure:
        """The norms of contributions over the distance in time, and that of ds_N/ds_i with its
        bound, on a logarithmic scale: a Figure of Matplotlib, which ``savefig`` writes.

        Raises InputError where Matplotlib is not installed, or nothing was measured.
        """
        from bptt_sym.measuring.measure_plot import plot

        return plot(self)

    def picture(self, form: str) -> str | bytes:
        """The plot as the content of a file, of the format svg or png.

        Raises InputError as ``plot`` does, and for another format.
        """
        from bptt_sym.measuring.measure_plot import written

        check_choice("format", form, PICTURES)

        return written(self, form, f"{self.command} --format {form}")

    def __str__(self) -> str:
        return self.text()
