"""`backend` and `fallback_reason` of a layer say what ran its last call: whether kernels were launched or not."""

import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

import wolfdog as wd
from wolfdog.compiler.backends.llvm.call_plan import CallPlan
from wolfdog.compiler.runtime.single_step import SingleStep


class Dropping(nn.Module):
    """Cell with dropout, which reads whole numbers too."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.dropout = nn.GRUCell(3, 4), nn.Dropout(0.5)

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, 4)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        return self.cell(self.dropout(x.float().view(len(x), 3)), state)  # type: ignore[no-any-return]


def nothing(*_: object) -> None: ...


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "cell with dropout": lambda: wd.Recurrent(Dropping()),
    "torch's cell": lambda: wd.Recurrent(nn.GRUCell(3, 4)),
    "LSTM with dropout": lambda: wd.LSTM(3, 4, num_layers=2, dropout=0.5),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_it_is_what_ran_last(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    launched = []

    def counted(run: Callable[..., object]) -> Callable[..., object]:
        def counting(*given: object, **named: object) -> object:
            launched.append(1)
            return run(*given, **named)

        return counting

    monkeypatch.setattr(CallPlan, "run", counted(CallPlan.run))
    monkeypatch.setattr(SingleStep, "run", counted(SingleStep.run))
    layer, x, seen = LAYERS[kind](), torch.randn(6, 2, 3), set()

    def check(call: Callable[[], object]) -> None:
        launched.clear()
        call()
        assert (layer.backend == "llvm") is bool(launched) is (layer.fallback_reason is None)
        seen.add(layer.backend)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with parametrize.cached():
            check(lambda: layer(x))
        for mode in (True, False, True):
            layer.train(mode)
            for _ in range(3):
                check(lambda: layer(x)[0].sum().backward())
        with pytest.raises((RuntimeError, ValueError)):
            layer(torch.randn(6, 2, 5))
        check(lambda: layer(x))
        hook = (layer.cell if isinstance(layer, wd.Recurrent) else layer).register_forward_hook(nothing)
        check(lambda: layer(x))
        hook.remove()
        check(lambda: layer(x[:, 0]))
        check(
            lambda: torch.func.vmap(lambda one: layer(one)[0], randomness="different")(
                torch.randn(2, 6, 2, 3)
            )
        )
        check(lambda: layer(x))
        if isinstance(layer, wd.Recurrent):
            check(lambda: layer(x, lengths=[3, 6]))
            check(lambda: layer(x, resets=torch.rand(6, 2) > 0.5))
            with torch.no_grad():
                for _ in range(3):
                    check(lambda: layer.step(x[0]))
        if kind == "cell with dropout":
            layer.eval()
            check(lambda: layer(torch.ones(6, 2, 3, dtype=torch.long)))
    assert len(seen) == 2
