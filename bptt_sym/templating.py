"""The templates: where they lie and how Jinja reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from jinja2 import BytecodeCache, Environment, FunctionLoader, StrictUndefined, pass_context
from jinja2.bccache import Bucket
from jinja2.runtime import Context


@cache
def template_root() -> Traversable:
    """The folder of the templates: inside an installed package, beside it in a checkout."""
    package = files("bptt_sym")
    inside = package / "templates"
    return inside if inside.is_dir() else package / ".." / "templates"


class _Compiled(BytecodeCache):
    """Templates that this process has compiled: each once, in whatever environment."""

    def __init__(self) -> None:
        self.known: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.known:
            bucket.bytecode_from_string(self.known[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.known[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _Compiled()


def environment(filters: Mapping[str, Callable[..., object]]) -> Environment:
    """A Jinja environment over the templates, strict about undefined names."""
    jinja = Environment(
        loader=FunctionLoader(lambda name: (template_root() / name).read_text(encoding="utf-8")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
        bytecode_cache=_COMPILED,
    )
    jinja.filters.update({name: _when_run(filter_) for name, filter_ in filters.items()})
    return jinja


def _when_run(filter_: Callable[..., object]) -> Callable[..., object]:
    """A filter that is not applied to constants where a template is compiled: another environment
    has another filter of this name.
    """

    @pass_context
    def applied(_context: Context, *arguments: object, **named: object) -> object:
        return filter_(*arguments, **named)

    return applied
