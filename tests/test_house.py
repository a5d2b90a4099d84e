"""The order of the house: what stands where, and that no table has a gap."""

from __future__ import annotations

import ast

import pytest
from test_cells import CORPUS
from test_import_order import MODULES

import bptt_sym as b
from bptt_sym.algebra.expressions import dimension
from bptt_sym.algebra.functions import FUNCTIONS
from bptt_sym.choices import PASSES
from bptt_sym.graph.build import build_program
from bptt_sym.graph.graph import Graph
from bptt_sym.graph.kinds import KINDS
from bptt_sym.graph.sizes import SCALAR
from bptt_sym.model.model import Model
from bptt_sym.passes.pipeline import rewritten
from bptt_sym.passes.remember import with_stores
from bptt_sym.targets.numpy import functions, spelling
from bptt_sym.targets.numpy.runtime_text import function_texts

# Where NumPy stands.

RUN_NUMPY = ("targets.numpy.", "verification.", "algebra.evaluate")
"""What writes NumPy code, and what runs it."""


def strings(source: str) -> list[str]:
    """The string literals of a source, those inside f-strings too."""
    nodes = ast.walk(ast.parse(source))
    return [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def test_strings_are_found_wherever_they_stand():
    source = 'f"np.{name}" + call("a")\ndef f():\n    """Text."""'
    assert set(strings(source)) == {"a", "np.", "Text."}


@pytest.mark.parametrize("module", [m for m in MODULES if not m.startswith(RUN_NUMPY)])
def test_no_numpy_code_stands_outside_its_target(module):
    source = MODULES[module].read_text(encoding="utf-8")
    assert [text for text in strings(source) if "np." in text] == []


@pytest.mark.parametrize(
    "module", [m for m in MODULES if m.startswith(("algebra.", "graph.", "passes.", "memory."))]
)
def test_what_computes_knows_no_target(module):
    """No method of an operation is code, and no regular expression reads code."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    methods = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert "numpy" not in methods
    imports = {alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names}
    assert "re" not in imports or module == "algebra.names"


# The tables of operations and of functions, and how a target spells them.


def test_every_kind_has_a_spelling():
    assert spelling.SPELLINGS.keys() == KINDS.keys()


def test_every_function_has_a_spelling():
    assert functions.FUNCTIONS.keys() == FUNCTIONS.keys()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_the_spelling_of_a_function_calls_is_defined(name):
    row = functions.FUNCTIONS[name]
    called = [n.func for n in ast.walk(ast.parse(row.text.format("z"))) if isinstance(n, ast.Call)]
    names = {node.id for node in called if isinstance(node, ast.Name)}
    assert names == ({row.defined} if row.defined else set()) <= function_texts().keys()


# The table of kinds.


def graphs(model: Model, loss: str) -> list[Graph]:
    """A model's graph as it is built, after each pass, and with what keeps values for later."""
    built = build_program(model, {}, loss).graph
    found = [built, *(rewritten(built, until=name) for name in PASSES)]
    return [*found, with_stores(found[-1])]


def test_every_kind_occurs():
    """A row that no cell needs says something about nothing."""
    occurring = {
        node.kind
        for name in [*b.model_names(), *CORPUS]
        for loss in ("mean", "last")
        for graph in graphs(b.load_model(name), loss)
        for node in graph.reachable()
    }
    assert occurring == KINDS.keys()


def test_a_kind_has_its_row_before_a_node_is_made():
    with pytest.raises(KeyError, match="square"):
        Graph().make("square", [Graph().number(2)])


def test_sizes_follow_from_those_of_the_operands():
    """W side by side with V, and a row times both."""
    m, n = dimension("m"), dimension("n")
    graph = Graph()
    matrices = [graph.make("parameter", (), name, sizes=(m, n)) for name in ("W", "V")]
    x = graph.make("given", (), "x", sizes=(m,), time=True, batch=True)
    beside = graph.make("beside", matrices)
    whole = graph.make("dot", [x, beside])
    assert (beside.sizes, whole.sizes) == ((m, 2 * n), (2 * n,))
    part = graph.make("part", [whole], (1, (n, n), -1))
    assert part.sizes == (n,) and part.time and part.batch
    assert graph.make("entries", [part]).sizes == SCALAR
    total = graph.make("total", [part])
    assert total.sizes == () and total.is_constant
