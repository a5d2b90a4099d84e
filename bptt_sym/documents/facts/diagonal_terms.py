"""A matrix as a sum of terms diag(v) M: what a derivative from step to step is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sympy import DiagMatrix, HadamardProduct, Identity, MatAdd, MatMul, OneMatrix, ZeroMatrix

from bptt_sym.algebra.expressions import (
    Broadcast,
    MatrixExpr,
    Variable,
    add,
    hadamard,
    is_one,
    product,
    scale,
    split_coefficient,
    transpose,
)

MOST_TERMS = 24
"""A matrix of more terms is not taken apart."""

Rest = tuple[MatrixExpr, ...]
"""The factors M behind a diagonal matrix; none, where the term is this matrix alone."""


class TooManyTermsError(Exception):
    """A matrix has more terms than are taken apart."""


class DiagonalTerms(Mapping[Rest, MatrixExpr]):
    """The terms diag(v) M of a matrix: each v by the factors of its M, which no two share.

    >>> from bptt_sym.algebra.expressions import Parameter, dimension
    >>> n = dimension("n")
    >>> W, b = Parameter("W", n, n), Parameter("b", 1, n)
    >>> len(DiagonalTerms.of(add(W, product(DiagMatrix(b), W))))
    1
    """

    def __init__(self, terms: Mapping[Rest, MatrixExpr]) -> None:
        # The diagonal part stands first.
        self._terms = dict(sorted(terms.items(), key=lambda term: bool(term[0])))

    def __getitem__(self, rest: Rest) -> MatrixExpr:
        return self._terms[rest]

    def __iter__(self) -> Iterator[Rest]:
        return iter(self._terms)

    def __len__(self) -> int:
        return len(self._terms)

    @classmethod
    def of(cls, matrix: MatrixExpr) -> DiagonalTerms:
        """The terms of a matrix. Raises TooManyTermsError."""
        number, bare = split_coefficient(matrix)
        if number != 1:
            return cls({rest: scale(number, v) for rest, v in cls.of(bare).items()})
        if isinstance(bare, ZeroMatrix):
            return cls({})
        if isinstance(bare, Identity):
            return cls({(): OneMatrix(1, bare.rows)})
        if isinstance(bare, DiagMatrix):
            return cls({(): bare.args[0]})
        if bare.shape == (1, 1):
            return cls({(): bare})
        scaled = _scaled(bare)
        if scaled is not None:
            number_in_front, inside = scaled
            found = cls.of(inside)
            return cls({r: hadamard(_spread(number_in_front, v), v) for r, v in found.items()})
        if isinstance(bare, MatAdd):
            found = cls({}).plus(*map(cls.of, bare.args))
            # A sum of parameters alone is one matrix.
            return found if bare.has(Variable) or not any(found) else _alone(bare)
        if isinstance(bare, MatMul):
            found = cls.of(bare.args[0])
            for factor in bare.args[1:]:
                found = found.times(cls.of(factor))
            return found
        return _alone(bare)

    def plus(self, *others: DiagonalTerms) -> DiagonalTerms:
        """The sum."""
        terms = dict(self._terms)
        for other in others:
            for rest, v in other.items():
                terms[rest] = _sum(terms[rest], v) if rest in terms else v
        return self._checked(terms)

    def times(self, other: DiagonalTerms) -> DiagonalTerms:
        """The product of the matrices."""
        parts = []
        for rest, v in self.items():
            for after, w in other.items():
                if not rest:
                    parts.append({after: _times(v, w)})
                elif is_one(w):
                    parts.append({(*rest, *after): v})
                else:
                    parts.append({(*rest, DiagMatrix(w), *after): v})
        return DiagonalTerms({}).plus(*map(DiagonalTerms, parts))

    def matrix(self, like: MatrixExpr) -> MatrixExpr:
        """The sum of the terms, with the shape of ``like``."""
        written = (_written(v, rest) for rest, v in self.items())
        return add(*written, like=like)

    @staticmethod
    def _checked(terms: Mapping[Rest, MatrixExpr]) -> DiagonalTerms:
        kept = {rest: v for rest, v in terms.items() if not isinstance(v, ZeroMatrix)}
        if len(kept) > MOST_TERMS:
            raise TooManyTermsError
        return DiagonalTerms(kept)


def _alone(matrix: MatrixExpr) -> DiagonalTerms:
    return DiagonalTerms({(matrix,): OneMatrix(1, matrix.rows)})


def _written(v: MatrixExpr, rest: Rest) -> MatrixExpr:
    number, entries = split_coefficient(v)
    if is_one(entries) and rest:
        return scale(number, product(*rest))
    if v.shape == (1, 1):
        return product(v, *rest)
    diagonal = Identity(max(v.shape, key=str)) if is_one(entries) else DiagMatrix(entries)
    return scale(number, product(diagonal, *rest))


def _scaled(matrix: MatrixExpr) -> tuple[MatrixExpr, MatrixExpr] | None:
    """A scalar and the matrix that it multiplies, where a matrix is this product."""
    if not isinstance(matrix, HadamardProduct):
        return None
    scalars = [f for f in matrix.args if isinstance(f, Broadcast)]
    others = [f for f in matrix.args if not isinstance(f, Broadcast)]
    if not scalars or len(others) != 1:
        return None
    return hadamard(*(scalar.operand for scalar in scalars)), others[0]


def _spread(scalar: MatrixExpr, like: MatrixExpr) -> MatrixExpr:
    return scalar if like.shape == (1, 1) else Broadcast(scalar, *like.shape)


def _sum(left: MatrixExpr, right: MatrixExpr) -> MatrixExpr:
    pair = (_alike(left, right), right) if is_one(left) else (left, _alike(right, left))
    # A difference begins with what it is taken from.
    return add(*sorted(pair, key=lambda entry: bool(split_coefficient(entry)[0] < 0)))


def _times(left: MatrixExpr, right: MatrixExpr) -> MatrixExpr:
    return hadamard(left, _alike(right, left))


def _alike(vector: MatrixExpr, like: MatrixExpr) -> MatrixExpr:
    """The vector as a row or as a column, as the other one is."""
    return vector if vector.shape == like.shape else transpose(vector)
