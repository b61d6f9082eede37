"""Cells that a careless compiler gets wrong, each a function of the cell, the event and the state."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Step = Callable[["Own", Tensor, Tensor], Tensor]
COMPILED: dict[str, Step] = {}
"""Those that kernels are made of."""
REFUSED: dict[str, tuple[Step, str]] = {}
"""Those that run eagerly, and what the reason says."""


class Own(nn.Module):
    """A cell by a function of the event and the state, with parameters whose names are taken elsewhere."""

    def __init__(self, function: Step) -> None:
        super().__init__()
        self.function, self.input_size = function, 4
        torch.manual_seed(0)
        draw = lambda *shape: nn.Parameter(torch.randn(*shape, dtype=torch.float64) * 0.5)  # noqa: E731
        self.linear = nn.Linear(4, 4, dtype=torch.float64)
        self.linear_weight, self.w, self.v, self.rows = draw(4, 4), draw(4, 4), draw(4), draw(100, 4)
        self.w0, self.p1, self.v1, self.like = draw(4), draw(4), draw(4), draw(4)
        self.register_buffer("mask", torch.tensor([True, False, True, False]))
        self.register_buffer("whole", torch.tensor([1, 2, 3, 4]))
        self.listed = [torch.tensor(0.5, dtype=torch.float64)]

    def initial_state(self, batch: int) -> Tensor:
        return self.w.new_zeros(batch, 4)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return self.function(self, x, h)


def compiled(step: Step) -> Step:
    COMPILED[step.__name__] = step
    return step


def refused(says: str) -> Callable[[Step], Step]:
    def keep(step: Step) -> Step:
        REFUSED[step.__name__] = (step, says)
        return step

    return keep


# true or false, and whole numbers, among numbers


@compiled
def truth_times_number(c: Own, x: Tensor, h: Tensor) -> Tensor:
    return torch.tanh(x * (h > 0) * (x < 0.5) + c.linear(h) * ~(h > 0) * (1 - (x > 0).float()))


@compiled
def truths_counted(c: Own, x: Tensor, h: Tensor) -> Tensor:
    some = torch.where((h > 0.5).any(-1, keepdim=True), x, c.linear(h))
    return torch.tanh(some * (h > 0).sum(-1, keepdim=True) + torch.where(x > 0, 1, 0))


@compiled
def truth_of_numbers(c: Own, x: Tensor, h: Tensor) -> Tensor:
    open_ = torch.logical_and(torch.relu(h), torch.relu(x).bool())
    return torch.where(open_ | (h > 1).all(-1, keepdim=True), x, c.linear(h))


@compiled
def buffers_of_other_formats(c: Own, x: Tensor, h: Tensor) -> Tensor:
    masked = torch.where(c.mask, h, x) + c.linear(h).masked_fill(c.mask, 0.3)
    return torch.tanh(masked * c.whole + x * (c.whole // 2) * torch.arange(4))


@compiled
def fresh_numbers(c: Own, x: Tensor, h: Tensor) -> Tensor:
    each = torch.tensor([1.0, 2.0, 3.0, float("inf")], dtype=x.dtype)
    return torch.tanh(c.linear(h) * torch.full((len(x), 4), 0.1) + torch.minimum(x, each))


@refused("computes in torch.float32")
def rounds(c: Own, x: Tensor, h: Tensor) -> Tensor:
    return torch.tanh(c.linear(h).float().to(x.dtype) + x)


@refused("computes in torch.float32")
def rounded_numbers(c: Own, x: Tensor, h: Tensor) -> Tensor:
    return c.linear(h) * torch.where(h > 0, 1.1, 0.3) + x


# gradients


@compiled
def straight_through(c: Own, x: Tensor, h: Tensor) -> Tensor:
    soft = torch.sigmoid(c.linear(h.detach()) + h + x)
    return soft + ((soft > 0.5).to(soft.dtype) - soft).detach()


@compiled
def ties(c: Own, x: Tensor, h: Tensor) -> Tensor:
    a, b = torch.relu(h), torch.relu(x)
    most = a.amax(-1, keepdim=True) + a.amin(-1, keepdim=True) + a.clamp(0, 1) + torch.minimum(a, a)
    return torch.tanh(torch.maximum(a, b) + most + torch.clamp(a + b, c.v * 0, c.v * 0 + 0.5) + c.linear(x))


@compiled
def bends(c: Own, x: Tensor, h: Tensor) -> Tensor:
    a = torch.relu(h)  # exact zeros, at which functions bend
    bent = F.hardswish(a + 3) + F.hardswish(a - 3) + F.hardtanh(a) + F.prelu(a - x, c.v[:1]) + a**0
    return torch.tanh(0.1 * bent + F.glu(torch.cat((c.linear(x), x), -1), -1) + F.logsigmoid(a))


@compiled
def lengths_of_nothing(c: Own, x: Tensor, h: Tensor) -> Tensor:
    zeros = c.linear(h) - c.linear(h).detach()  # at which norms have no derivative, and PyTorch takes zero
    spread = zeros.std(-1, keepdim=True) + torch.linalg.vector_norm(zeros, dim=-1, keepdim=True)
    near = F.normalize(zeros, dim=-1) + F.cosine_similarity(zeros, x, dim=-1).unsqueeze(-1)
    return torch.tanh(spread + near + c.linear(h) + x)


@compiled
def one_matrix_two_uses(c: Own, x: Tensor, h: Tensor) -> Tensor:
    spread = (h.unsqueeze(-1) * c.w).sum(-2) + (h.unsqueeze(-1) * c.w).amax(-1)
    return torch.tanh(0.3 * spread + 0.5 * (h @ c.w) + x)


@compiled
def not_a_number(c: Own, x: Tensor, h: Tensor) -> Tensor:
    never = torch.where(x > 1e9, float("nan"), x)
    nothing = torch.logsumexp(torch.where(x > -1e9, float("-inf"), x), -1, keepdim=True)
    return torch.tanh(c.linear(h)) + never + nothing.clamp(min=-3) + torch.isnan(h / h) * x


class Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx: object, g: Tensor) -> Tensor:
        return g * 0.5


class Reversed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x

    @staticmethod
    def backward(ctx: object, g: Tensor) -> Tensor:
        return -g


@refused("Spike, a torch.autograd.Function")
def spikes(c: Own, x: Tensor, h: Tensor) -> Tensor:
    return Spike.apply(c.linear(h) + x) * 0.5 + 0.9 * h


@refused("Reversed, a torch.autograd.Function")
def reverses_gradients(c: Own, x: Tensor, h: Tensor) -> Tensor:
    return torch.tanh(c.linear(Reversed.apply(h)) + x)


@refused("turns gradients off")
def no_gradient_inside(c: Own, x: Tensor, h: Tensor) -> Tensor:
    with torch.no_grad():
        gate = torch.sigmoid(h)
    return torch.tanh(c.linear(h) * gate + x)


# in place


@compiled
def written_through_views(c: Own, x: Tensor, h: Tensor) -> Tensor:
    both = c.linear(x) + h
    left, right = both[:, :2], both[:, 2:]
    left.mul_(0.5)
    right.mul_(2).add_(1)
    return torch.cat((right, left), -1)


@compiled
def written_through_a_view_and_returned(c: Own, x: Tensor, h: Tensor) -> Tensor:
    both = c.linear(x) + h
    both[:, :2].tanh_()
    return both


@compiled
def put_together(c: Own, x: Tensor, h: Tensor) -> Tensor:
    out = torch.zeros_like(h)
    out[:, :2] = torch.tanh(x[:, :2] + h[:, 2:])
    out[:, 2:3] = c.linear(h)[:, 1:2]
    out[:, 3] = 0.25
    return out * 0.5


@compiled
def a_view_of_what_is_written(c: Own, x: Tensor, h: Tensor) -> Tensor:
    out = c.linear(h) + x
    view, column = out[:, 1:3], out[:, 3]
    out += 1
    out *= 0.5
    return torch.cat((view, column[:, None] * 0.5, out[:, :1]), -1)


@compiled
def masked_assignment(c: Own, x: Tensor, h: Tensor) -> Tensor:
    out = c.linear(h) + x
    out[out > 0] = 0.1
    return out.addcmul_(x, h, value=0.5).clamp_(-1, 1)


@compiled
def parameters_in_place(c: Own, x: Tensor, h: Tensor) -> Tensor:
    a, b = c.w.clone(), c.linear.weight * 1
    a.fill_diagonal_(0)
    b.tril_()
    return torch.tanh(h @ a + x @ b)


@refused("written through another view")
def a_square_of_what_is_written(c: Own, x: Tensor, h: Tensor) -> Tensor:
    both = c.linear(x) + h
    both.view(-1, 2, 2)[:, :1, :1].tanh_()
    return both * 0.5


@refused("returns a tensor that was written")
def a_square_of_what_is_returned(c: Own, x: Tensor, h: Tensor) -> Tensor:
    both = c.linear(x) + h
    both.view(-1, 2, 2)[:, :1, :1].tanh_()
    return both


# parameters: their names, and what is done with them alone


@compiled
def names_that_are_taken(c: Own, x: Tensor, h: Tensor) -> Tensor:
    decay = torch.exp(-c.w0.abs()) * c.p1
    return torch.tanh(h * decay * c.v1 + c.linear(x) @ c.linear_weight + x @ (c.w - c.w.T) * c.like)


@compiled
def infinite_masks(c: Own, x: Tensor, h: Tensor) -> Tensor:
    upper = torch.ones(4, 4, dtype=torch.bool).triu(1)
    return torch.tanh(h @ torch.softmax(c.w.masked_fill(upper, float("-inf")), -1) + x)


@compiled
def many_rows(c: Own, x: Tensor, h: Tensor) -> Tensor:
    rows = c.rows.unbind(0)
    return torch.tanh(h * rows[70] + x * rows[99] + torch.exp(c.v))


@compiled
def parameters_and_constants_beside_the_state(c: Own, x: Tensor, h: Tensor) -> Tensor:
    seen = torch.cat((h * 2, c.v.expand(len(x), 4), x.new_zeros(len(x), 1), x * 3), -1)
    return torch.tanh(F.linear(seen, c.rows[:13].T, c.w0) + F.linear(seen, c.rows[20:33].T))


@refused("no parameter, buffer or attribute")
def a_constant_that_can_change(c: Own, x: Tensor, h: Tensor) -> Tensor:
    return torch.tanh(c.linear(h) * c.listed[0] + x)


# shapes


@compiled
def strides(c: Own, x: Tensor, h: Tensor) -> Tensor:
    parts = torch.cat((h[:, ::3], x[:, 1::3], h[:, 3:]), -1)
    return torch.tanh(parts + torch.roll(c.linear(x)[:, 1::2].repeat(1, 2), 1, -1) + c.v.repeat(len(x), 1))


@compiled
def one_matrix_for_all_heads(c: Own, x: Tensor, h: Tensor) -> Tensor:
    heads = h.view(-1, 2, 2)
    mapped = F.linear(heads, c.w[:2, :2], c.v[:2]) + torch.einsum("bhk,kn->bhn", heads, c.w[2:, 2:])
    folded = torch.softmax(torch.relu(h.reshape(-1, 2) @ c.w[:2, 2:] + c.v[2:]), -1)
    return torch.tanh(mapped.reshape(h.shape) + folded.reshape(h.shape) + x)


@compiled
def running_sums(c: Own, x: Tensor, h: Tensor) -> Tensor:
    along = torch.cumsum(torch.softmax(c.linear(h), -1), -1) * x
    across = torch.cumsum((h + x).view(-1, 2, 2), 1).reshape(h.shape)
    return torch.tanh(along + across + (h @ c.v).unsqueeze(-1) + h.std(-1, keepdim=True))


@compiled
def turned(c: Own, x: Tensor, h: Tensor) -> Tensor:
    return torch.tanh((c.w @ h.T).T + x[:, :1].expand_as(h) + x.mean(1)[:, None] + F.normalize(h + 0.1))


@refused("without numbers")
def nothing_at_all(c: Own, x: Tensor, h: Tensor) -> Tensor:
    return torch.tanh(c.linear(torch.cat((h[:, :0], h), -1)) + x)


@refused("one number everywhere")
def a_matrix_of_ones(c: Own, x: Tensor, h: Tensor) -> Tensor:
    return torch.tanh(h @ x.new_ones(4, 4) * 0.1 + x)


@compiled
def quotients(c: Own, x: Tensor, h: Tensor) -> Tensor:
    return torch.tanh(c.linear(h)) + torch.div(x, 0.3, rounding_mode="floor") * 0.1
