"""The contributions of one parameter for any number of steps."""

from __future__ import annotations

from collections.abc import Sequence

from bptt_sym.algebra.expressions import CONTRIBUTION_STEP, Expr, Integer, Parameter
from bptt_sym.derivation.contributions import Contributions, Symbol
from bptt_sym.derivation.factors import Chain, Factor, GeneralChain
from bptt_sym.derivation.reach import Lags
from bptt_sym.derivation.step import Edge
from bptt_sym.derivation.unfolding import Vertex


class GeneralContributions:
    """The contributions of one parameter to the loss of the symbolic step ``loss_step``."""

    def __init__(self, contributions: Contributions, parameter: Parameter, loss_step: Expr) -> None:
        self.all = contributions
        self.parameter = parameter
        self.loss_step = loss_step

    def chains(self) -> list[GeneralChain]:
        """From the loss to readers at each lag, then to those at step i, then to initial values."""
        found = []
        for edge in self.all.readers(self.parameter):
            lags = self.all.reached[edge.of.name]
            single = range(lags.first, (lags.first if lags.last is None else lags.last) + 1)
            if lags.last is None:
                start = lags.first + (not self._covers(edge, lags.first))
                single = range(lags.first, start)
                chain = self._summed(edge)
                found.append(GeneralChain(chain, Lags(start, None)))
            for lag in single:
                alone = self._at_lag(edge, lag)
                if alone:
                    found.append(GeneralChain(alone, Lags(lag, lag)))
        found += [
            GeneralChain(self._to_initial(edge, node), None)
            for edge, node in self.all.initial_readers(self.parameter)
            if self.all.reached[edge.of.name].last is None
        ]
        return found

    def _covers(self, edge: Edge, lag: int) -> bool:
        """Whether the chain to a reader so many steps back is like those farther back."""
        if lag != self.all.entry_lag:
            return lag > self.all.entry_lag
        tail = [other.moved(2 - lag) for other in self.all.within_step(edge.of.name)]
        return self.all.chain(tail[-1], self.all.window) == [*self.all.to_carried[:-1], *tail]

    def _at_lag(self, edge: Edge, lag: int) -> Chain | None:
        last = self.all.window.root.time
        node = Vertex(edge.of.name, last - lag)
        if not self.all.paths(last, range(last, last + 1)).count(node):
            return None
        symbol = self._moved(self.loss_step)
        factors = self.all.factors(self.all.chain(node, self.all.window), self.all.window, symbol)
        return Chain((*factors, Factor(symbol(node), self.parameter, "immediate", edge)))

    def _summed(self, edge: Edge) -> Chain:
        """From the loss to the carried variables, those of step i, the reader, the parameter."""
        reader = self.all.variable(edge.of.name, CONTRIBUTION_STEP)
        immediate = Factor(reader, self.parameter, "immediate", edge)
        tail = self.all.within_step(edge.of.name)
        return self._through(tail, self._at(CONTRIBUTION_STEP, tail[0]), immediate)

    def _to_initial(self, edge: Edge, node: Vertex) -> Chain:
        assert self.all.carried is not None
        immediate = Factor(
            self.all.variable(node.name, node.time), self.parameter, "immediate", edge
        )
        tail = (Vertex(self.all.carried.name, 0), node) if self.all.carried.is_tuple else (node,)
        return self._through(tail, self._at(Integer(0), Vertex("", 0)), immediate)

    def _through(self, tail: Sequence[Vertex], at_end: Symbol, immediate: Factor) -> Chain:
        """The chain through the carried variables; where there is one path, they are one factor."""
        symbol = self._moved(self.loss_step)
        head = list(self.all.to_carried)
        if self.all.uniform and self.all.is_single(tail):
            while len(head) > 1 and head[-1].name in self.all.graph.recurrent:
                head.pop()
            tail = tail[-1:]
        before = self.all.factors(head, self.all.window, symbol)
        across = Factor(symbol(head[-1]), at_end(tail[0]), "total")
        return Chain((*before, across, *self.all.factors(tail, self.all.window, at_end), immediate))

    def _moved(self, last: Expr) -> Symbol:
        """Puts the window's last step at a symbolic one."""
        return self._at(last, self.all.window.root)

    def _at(self, time: Expr, origin: Vertex) -> Symbol:
        """Puts a node's step at another one, and the others as far from it."""
        return lambda node: self.all.variable(node.name, time + (node.time - origin.time))
