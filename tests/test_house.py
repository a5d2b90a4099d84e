"""The order of the house: what stands where, and that no table has a gap."""

from __future__ import annotations

import ast
import itertools
import re
from collections import Counter
from collections.abc import Collection

import pytest
from jinja2 import Environment, nodes
from support.graph_text import read
from support.kind_samples import CONTEXT, KIND_SAMPLES
from sympy import KroneckerProduct
from test_cells import CORPUS
from test_import_order import MODULES
from test_operations import SAMPLES, lowered

import bptt_sym as b
from bptt_sym.algebra.blocks import Blocks
from bptt_sym.algebra.derivatives import Commutation, Selection
from bptt_sym.algebra.expressions import dimension
from bptt_sym.algebra.functions import FUNCTIONS
from bptt_sym.algebra.heads import BlockDiagonal
from bptt_sym.algebra.operations import OPERATIONS
from bptt_sym.algebra.over_time import TimeProduct, TimeSum
from bptt_sym.choices import LAYOUTS, LEVELS, LOSSES, PASSES, SHOWN_LOSSES, STYLES
from bptt_sym.derivation.reduction import REDUCTIONS
from bptt_sym.graph.array_shapes import SCALAR
from bptt_sym.graph.build import build_program
from bptt_sym.graph.check import check
from bptt_sym.graph.graph import Graph
from bptt_sym.graph.kinds import KINDS
from bptt_sym.model import conventions
from bptt_sym.model.model import Model
from bptt_sym.passes.pipeline import rewritten
from bptt_sym.passes.remember import with_stores
from bptt_sym.targets.numpy import function_spellings, spelling
from bptt_sym.targets.numpy.runtime_text import function_texts
from bptt_sym.targets.text.listing import listing
from bptt_sym.targets.text.node_text import shape
from bptt_sym.templating import template_root

SOURCES = {module: path.read_text(encoding="utf-8") for module, path in MODULES.items()}

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
    assert function_spellings.FUNCTIONS.keys() == FUNCTIONS.keys()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_the_spelling_of_a_function_calls_is_defined(name):
    row = function_spellings.FUNCTIONS[name]
    called = [n.func for n in ast.walk(ast.parse(row.text.format("z"))) if isinstance(n, ast.Call)]
    names = {node.id for node in called if isinstance(node, ast.Name)}
    assert names == ({row.defined} if row.defined else set()) <= function_texts().keys()


# The table of kinds.


def graphs(model: Model, loss: str) -> list[Graph]:
    """A model's graph as it is built, after each pass, and with what keeps values for later."""
    built = build_program(model, {}, loss).graph
    found = [built, *(rewritten(built, until=name) for name in PASSES)]
    return [*found, with_stores(found[-1])]


@pytest.mark.exhaustive
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


def test_every_kind_has_a_sample():
    assert KIND_SAMPLES.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", KIND_SAMPLES)
def test_a_kind_has_a_text_and_its_sizes_follow(kind):
    text, shape_of_it = KIND_SAMPLES[kind]
    graph = read(f"{CONTEXT}\ndW = {text}")
    node = graph.results["gradient", "W"]
    assert (node.kind, shape(node)) == (kind, shape_of_it)
    check(graph)
    assert listing(read(listing(graph))) == listing(graph)


OF_DERIVATIONS = (
    *(KroneckerProduct, Commutation, Selection, Blocks),
    *(BlockDiagonal, TimeSum, TimeProduct),
)
"""Operations of Jacobians and of sums over time, which no program computes."""


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__)
def test_an_operation_of_which_the_compiler_knows_nothing_cannot_exist(operation):
    if operation in OF_DERIVATIONS:
        with pytest.raises(TypeError, match=f"no kind of node for {operation.__name__}"):
            lowered(SAMPLES[operation].expression)
    else:
        assert lowered(SAMPLES[operation].expression).kind in KINDS


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


# The table of reductions of the loss.


def test_every_choice_of_a_loss_has_its_row():
    assert tuple(REDUCTIONS) == LOSSES
    assert {row.shown for row in REDUCTIONS.values()} == set(SHOWN_LOSSES)


def comparisons_with(words: Collection[str], source: str) -> list[str]:
    """The comparisons of a source with one of some words."""
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Compare)]
    sides = [(node, side) for node in found for side in (node.left, *node.comparators)]
    return [
        ast.unparse(node)
        for node, side in sides
        if isinstance(side, ast.Constant) and side.value in words and not is_of_a_kind(node)
    ]


def is_of_a_kind(comparison: ast.Compare) -> bool:
    """Whether it is about the kind of a node of the graph, some of which have such names."""
    sides = (comparison.left, *comparison.comparators)
    return any(isinstance(side, ast.Attribute) and side.attr == "kind" for side in sides)


def test_comparisons_are_found_on_either_side():
    source = "a == 'last' or 'mean' != b or c.kind == 'sum'\nlast = 'last'"
    assert comparisons_with(LOSSES, source) == ["a == 'last'", "'mean' != b"]


@pytest.mark.parametrize("module", MODULES)
def test_what_holds_of_a_loss_is_asked_of_its_row(module):
    assert comparisons_with(LOSSES, SOURCES[module]) == []


# Files, classes and functions that a person takes in; names that mean one thing.

MOST_LINES = {ast.ClassDef: 200, ast.FunctionDef: 50}
MOST_LINES_OF_A_FILE = 350


@pytest.mark.parametrize("module", MODULES)
def test_files_classes_and_functions_are_short(module):
    assert len(SOURCES[module].splitlines()) <= MOST_LINES_OF_A_FILE
    for node in ast.walk(ast.parse(SOURCES[module])):
        for kind, most in MOST_LINES.items():
            if isinstance(node, kind):
                assert node.end_lineno - node.lineno < most, node.name


ONE_FOR_USERS = {"Derivation"}
"""The class that users see is the derivation as data, with the ways to write it."""


def test_a_name_means_one_thing():
    files = [
        module.rpartition(".")[2] for module in MODULES if MODULES[module].name != "__init__.py"
    ]
    trees = map(ast.parse, SOURCES.values())
    found = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    classes = [node.name for node in found]
    for names, allowed in ((files, set()), (classes, ONE_FOR_USERS)):
        assert {name for name, count in Counter(names).items() if count > 1} == allowed


# What a text looks like is said where it is printed.

READS_LATEX = ("model.alike", "model.plain_names")
"""Tell names apart, and names from others, by what they look like in LaTeX."""

SPEAKS_OF_LATEX = ("\\input", "\\usepackage")
"""Commands that a message names and no formula holds."""


def commands_of_latex(source: str) -> list[str]:
    """The commands in the strings of a source; its docstrings and comments may have some."""
    tree = ast.parse(source)
    alone = [node for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    docstrings = {node.value for node in alone if isinstance(node.value, ast.Constant)}
    texts = (n for n in ast.walk(tree) if isinstance(n, ast.Constant) and n not in docstrings)
    found = [re.findall(r"\\[A-Za-z]{2,}", n.value) for n in texts if isinstance(n.value, str)]
    return [command for commands in found for command in commands]


def test_commands_are_found_in_strings_alone():
    source = 'def f():\n    r"""\\alpha."""\n    return rf"\\beta {x} \\gamma\\s"'
    assert commands_of_latex(source) == ["\\beta", "\\gamma"]


@pytest.mark.parametrize(
    "module", [m for m in MODULES if not m.startswith(("render.", "figures.", *READS_LATEX))]
)
def test_no_latex_stands_outside_what_prints(module):
    assert set(commands_of_latex(SOURCES[module])) <= set(SPEAKS_OF_LATEX)


SETTINGS = itertools.chain(*conventions.CHOICES.values())
CHOICES = {*LEVELS, *LOSSES, *STYLES, *LAYOUTS, *SETTINGS, conventions.COURSE.reference}
TEMPLATES = sorted(template_root().rglob("*.j2"))


def compared(template: str) -> set[str]:
    """The words with which a template compares something."""
    tree = Environment().parse(template)
    compares = tree.find_all(nodes.Compare)
    return {constant.value for node in compares for constant in node.find_all(nodes.Const)}


def test_what_a_template_compares_with_is_found():
    assert compared('{{ "a" if x == "b" }}{% if "c" != y and "d" %}{% endif %}') == {"b", "c"}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_asks_for_no_choice_of_a_user(path):
    assert compared(path.read_text(encoding="utf-8")) & CHOICES == set()
