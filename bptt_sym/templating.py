"""The templates: where they lie and how Jinja reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from jinja2 import Environment, FunctionLoader, StrictUndefined


@cache
def template_root() -> Traversable:
    """The folder of the templates: inside an installed package, beside it in a checkout."""
    package = files("bptt_sym")
    inside = package / "templates"
    return inside if inside.is_dir() else package / ".." / "templates"


def environment(filters: Mapping[str, Callable[..., object]]) -> Environment:
    """A Jinja environment over the templates, strict about undefined names."""
    jinja = Environment(
        loader=FunctionLoader(lambda name: (template_root() / name).read_text(encoding="utf-8")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    jinja.filters.update(filters)
    return jinja
