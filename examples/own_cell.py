"""A unit of your own: write its equations as one step, and Recurrent runs it.

The unit here looks only at the event to decide whether to take it up or to keep what it has. It learns to tell whether
the last pulse it saw, up to a hundred steps ago, was positive or negative.

    python examples/own_cell.py
"""

import torch
from torch import Tensor, nn

import wolfdog as wd


class Latch(nn.Module):
    """g_t = sigmoid(G x_t + b),  h_t = h_{t-1} + g_t * (tanh(W x_t) - h_{t-1})"""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.take = nn.Linear(input_size, hidden_size)
        self.write = nn.Linear(input_size, hidden_size)
        nn.init.uniform_(self.take.bias, -6.0, -2.0)  # keeps, until it has learned what to take

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, self.hidden_size)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return h + torch.sigmoid(self.take(x)) * (torch.tanh(self.write(x)) - h)


def pulses(steps: int, batch: int) -> tuple[Tensor, Tensor]:
    """Rare pulses in silence, as two inputs [T, B, 2], and whether the last was positive at every step, [T, B]."""
    pulse = (torch.rand(steps, batch) < 0.03) * torch.randn(steps, batch).sign()
    pulse[0] = torch.randn(batch).sign()
    last = torch.zeros(batch)
    signs = []
    for now in pulse:
        last = torch.where(now != 0, now, last)
        signs.append(last)
    return torch.stack((pulse.relu(), (-pulse).relu()), -1), (torch.stack(signs) > 0).float()


def main() -> None:
    torch.manual_seed(0)
    layer, head = wd.Recurrent(Latch(2, 16)), nn.Linear(16, 1)
    adam = torch.optim.Adam([*layer.parameters(), *head.parameters()], 0.03)
    for step in range(201):
        x, sign = pulses(100, 32)
        y, _ = layer(x)
        logits = head(y).squeeze(-1)
        loss = nn.functional.binary_cross_entropy_with_logits(logits, sign)
        adam.zero_grad()
        loss.backward()
        adam.step()
        if step % 50 == 0:
            right = ((logits > 0) == (sign > 0)).float().mean().item()
            print(f"step {step:3}: loss {loss.item():.3f}, {100 * right:.0f} % right")
    assert right > 0.8, "it should have learned by now"


if __name__ == "__main__":
    main()
