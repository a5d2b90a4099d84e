"""The cells of PyTorch's form against torch.nn: values, and all gradients against its autograd."""

from __future__ import annotations

import numpy as np
import pytest

import bptt_sym as b
from bptt_sym import InputError
from bptt_sym.pytorch import from_torch_state_dict

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

T, B, M, N, K = 7, 3, 4, 5, 2

LAYERS = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}


class Both:
    """One layer with a linear output and a squared error, in PyTorch and as an emitted module."""

    def __init__(self, name: str) -> None:
        torch.manual_seed(0)
        self.layer = LAYERS[name](M, N).double()
        self.x = torch.randn(T, B, M, dtype=torch.float64)
        self.d = torch.randn(T, B, K, dtype=torch.float64)
        self.V = torch.randn(N, K, dtype=torch.float64, requires_grad=True)
        self.states = [
            torch.randn(1, B, N, dtype=torch.float64, requires_grad=True)
            for _ in range(2 if name == "lstm" else 1)
        ]
        self.module = b.compile(b.load_model(name))
        self.params = from_torch_state_dict(self.module, self.layer.state_dict(), V=self.V.detach())
        self.arguments = {"x": self.x.numpy(), "d": self.d.numpy()} | {
            state: value.detach()[0].numpy()
            for state, value in zip(("h0", "c0"), self.states, strict=False)
        }

    def torch_loss(self):
        hidden, _ = self.layer(self.x, self.states[0] if len(self.states) == 1 else (*self.states,))
        return hidden, ((self.d - hidden @ self.V) ** 2).sum()


@pytest.fixture(params=LAYERS)
def both(request):
    return Both(request.param)


def relative(got, expected):
    return np.max(np.abs(got - expected)) / np.max(np.abs(expected))


def test_forward(both):
    hidden, loss = both.torch_loss()
    given = {name: array for name, array in both.arguments.items() if name != "d"}
    values = both.module.forward(both.params, **given)
    assert relative(values.h, hidden.detach().numpy()) < 1e-12
    assert both.module.loss(both.params, **both.arguments) == pytest.approx(loss.item(), rel=1e-12)


def test_every_gradient(both):
    _, loss = both.torch_loss()
    loss.backward()
    gradients = {name: weight.grad for name, weight in both.layer.named_parameters()}
    expected = from_torch_state_dict(both.module, gradients, V=both.V.grad)
    _, by_parameters, by_states, *_ = both.module.value_and_grad(both.params, **both.arguments)
    for name in both.module.Parameters._fields:
        assert relative(getattr(by_parameters, name), getattr(expected, name)) < 1e-10, name
    for got, state in zip(by_states, both.states, strict=True):
        assert relative(got, state.grad[0].numpy()) < 1e-10


def test_what_does_not_fit_is_said(both):
    state = both.layer.state_dict()
    with pytest.raises(InputError, match="give V too"):
        from_torch_state_dict(both.module, state)
    with pytest.raises(InputError, match="has no parameter 'U'"):
        from_torch_state_dict(both.module, state, U=1)
    with pytest.raises(InputError, match="no weight_ih_l3"):
        from_torch_state_dict(both.module, state, layer=3, V=both.V.detach())
    with pytest.raises(InputError, match="none of PyTorch's form"):
        from_torch_state_dict(b.compile(b.load_model("mgu")), state)
