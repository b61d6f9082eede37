"""A model with memory inside torch: one graph of torch.compile, bfloat16 by autocast, and a program of torch.export.

The model reads symbols: a two-way LSTM in the place of torch.nn's, a unit of your own above it, and a linear layer.

    python examples/inside_torch.py [BACKEND]      # of torch.compile; inductor needs a C++ compiler
"""

import io
import sys

import torch
from torch import Tensor, nn

import wolfdog as wd


class Leak(nn.Module):
    """h_t = a * h_{t-1} + (1 - a) * tanh(W x_t),  a = sigmoid(l)"""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.write = nn.Linear(input_size, hidden_size)
        self.leak = nn.Parameter(torch.zeros(hidden_size))

    def initial_state(self, batch: int) -> Tensor:
        return self.leak.new_zeros(batch, len(self.leak))

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        a = torch.sigmoid(self.leak)
        return a * h + (1 - a) * torch.tanh(self.write(x))


class Reader(nn.Module):
    """Symbols [B, T] to scores of the next symbol [B, T, symbols]."""

    def __init__(self, symbols: int = 20, units: int = 16) -> None:
        super().__init__()
        self.events = nn.Embedding(symbols, units)
        self.both_ways = wd.LSTM(units, units, num_layers=2, bidirectional=True, batch_first=True)
        self.slow = wd.Recurrent(Leak(2 * units, units), batch_first=True)
        self.scores = nn.Linear(units, symbols)

    def forward(self, symbols: Tensor) -> Tensor:
        y, _ = self.both_ways(self.events(symbols))
        y, _ = self.slow(y)
        return self.scores(y)


def trained(model: nn.Module, run: nn.Module, symbols: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The loss, and the gradients of the model's parameters."""
    scores = run(symbols)
    loss = nn.functional.cross_entropy(scores.float().flatten(0, 1), symbols.roll(-1, 1).flatten())
    return loss, list(torch.autograd.grad(loss, list(model.parameters())))


def main() -> None:
    backend = sys.argv[1] if len(sys.argv) > 1 else "aot_eager"
    torch.manual_seed(0)
    model, symbols = Reader(), torch.randint(20, (4, 12))
    compiled = torch.compile(model, fullgraph=True, backend=backend)
    for name, reduced, close in (("float32", False, 1e-4), ("bfloat16 autocast", True, 3e-2)):
        with torch.autocast("cpu", torch.bfloat16, enabled=reduced):
            loss, gradients = trained(model, compiled, symbols)
            expected, by_hand = trained(model, model, symbols)
        torch.testing.assert_close(loss, expected, rtol=close, atol=close)
        for gradient, other in zip(gradients, by_hand, strict=True):
            torch.testing.assert_close(gradient, other, rtol=close, atol=close)
        print(f"torch.compile, {backend}, {name}: one graph, loss {loss.item():.4f} as without")
    for name, reduced, close in (("float32", False, 1e-4), ("bfloat16 autocast", True, 3e-2)):
        file = io.BytesIO()
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=reduced):
            torch.export.save(torch.export.export(model.eval(), (symbols,)), file)
        file.seek(0)
        loaded = torch.export.load(file).module()
        with torch.no_grad():
            torch.testing.assert_close(loaded(symbols).float(), model(symbols), rtol=close, atol=close)
        print(f"torch.export, {name}: {file.getbuffer().nbytes:,} bytes, which PyTorch alone can run")


if __name__ == "__main__":
    main()
