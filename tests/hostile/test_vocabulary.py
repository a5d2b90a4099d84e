"""The closed lists of what emitted modules are made of hold no word that none of them has."""

from __future__ import annotations

import ast
import itertools
import re
from collections import Counter
from pathlib import Path

import pytest
from support.cells import CELLS

import bptt_sym as b
from bptt_sym.choices import STYLES
from bptt_sym.errors import InputError
from bptt_sym.targets.numpy import vocabulary

TARGET = Path(vocabulary.__file__).parent


@pytest.mark.exhaustive
def test_every_word_is_one_of_some_module() -> None:
    spelled = "".join(path.read_text(encoding="utf-8") for path in TARGET.rglob("*.py*"))
    found = Counter(re.findall(r"\bnp\.\w+", spelled))
    kinds: set[type[ast.AST]] = set()
    for cell, style, masked in itertools.product(CELLS, STYLES, (False, True)):
        try:
            source = b.generate(b.load_model(cell), style=style, masked=masked)
        except InputError:
            assert masked  # some models take no mask
            continue
        for node in ast.walk(ast.parse(source)):
            kinds |= set(type(node).__mro__)
            match node:
                case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                    found.update([f"{name}.{attribute}", attribute])
                case ast.Attribute(attr=attribute) | ast.FunctionDef(name=attribute):
                    found[attribute] += 1
                case ast.Name(id=name):
                    found[name] += 1
                case ast.Import() | ast.ImportFrom():
                    found[ast.unparse(node)] += 1
    words = {*vocabulary.IMPORTS, *vocabulary.BUILTINS, *vocabulary.METHODS, *vocabulary.SPECIAL}
    words |= {f"{name}.{word}" for name, used in vocabulary.MODULES.items() for word in used}
    words |= {word for used in vocabulary.WITHIN_MODULES.values() for word in used}
    assert words - found.keys() == set()
    assert set(vocabulary.NODES) <= kinds
