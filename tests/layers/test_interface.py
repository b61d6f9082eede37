"""What a layer says of itself, and what it survives: copies, conversions, autocast, nothing to do."""

import copy
import io
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import wolfdog as wd
from foreign_cells import OutputAndState, OwnZero, OwnZeroPair
from tolerances import assert_agree, assert_same
from wolfdog.errors import InputError


def lstm(**options: object) -> wd.Recurrent:
    return wd.Recurrent(wd.cells.LSTMCell(3, 4), **options)


class TestReturns:
    """Which part of a cell's result is the output, which the state."""

    def test_the_one_reading_in_which_a_cell_runs_on_is_taken(self) -> None:
        cell, x = OwnZeroPair(), torch.randn(3, 2, 3)
        assert_same(
            wd.Recurrent(cell, backend="eager")(x), wd.Recurrent(cell, returns="state", backend="eager")(x)
        )

    def test_a_true_tie_is_asked_for_by_both_names(self) -> None:
        class Tie(nn.Module):
            def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Tensor]:
                return x, x  # runs on from its pair, and from its second part

        with pytest.raises(InputError, match=r'returns="state".*returns="output, state"'):
            wd.Recurrent(Tie())(torch.zeros(2, 1, 3))

    def test_trying_leaves_nothing_behind(self) -> None:
        class Counting(OwnZeroPair):
            def __init__(self) -> None:
                super().__init__()
                self.calls, self.norm = 0, nn.BatchNorm1d(3)

            def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Tensor]:
                self.calls += 1
                return super().forward(self.norm(x), state)

        cell = Counting()
        torch.manual_seed(0)
        wd.Recurrent(cell, backend="eager")(torch.randn(4, 2, 3))
        assert cell.calls == int(cell.norm.num_batches_tracked) == 4

    def test_the_two_answers_differ(self) -> None:
        cell, x = OwnZeroPair(), torch.randn(1, 2, 3)
        _, state = wd.Recurrent(cell, returns="state")(x)
        y, second = wd.Recurrent(cell, returns="output, state")(x)
        assert_same(state, (y[0], second))

    def test_a_given_state_tells(self) -> None:
        cell, x = OwnZeroPair(), torch.randn(2, 2, 3)
        state = (torch.randn(2, 4), torch.randn(2, 4))
        assert_same(wd.Recurrent(cell)(x, state), wd.Recurrent(cell, returns="state")(x, state))

    def test_a_result_of_neither_form_is_refused(self) -> None:
        class Forgetful(nn.Module):
            def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> Tensor:
                return state[0]

        with pytest.raises(InputError, match=r"a state of the form \(tensor, tensor\) and returned tensor"):
            wd.Recurrent(Forgetful())(torch.zeros(2, 1, 3), (torch.zeros(1, 4), torch.zeros(1, 4)))

    def test_a_wrong_answer_is_refused(self) -> None:
        with pytest.raises(InputError, match='returned tensor, which is not returns="output, state"'):
            wd.Recurrent(OwnZero(), returns="output, state")(torch.zeros(2, 1, 3))

    def test_an_unknown_answer_is_refused(self) -> None:
        with pytest.raises(InputError, match='must be "state" or "output, state"; got \'both\''):
            lstm(returns="both")

    @pytest.mark.parametrize("cell", [wd.cells.GRUCell(3, 4), nn.LSTMCell(3, 4)], ids=["ours", "torch"])
    def test_known_cells_are_not_to_be_contradicted(self, cell: nn.Module) -> None:
        with pytest.raises(InputError, match="returns its state"):
            wd.Recurrent(cell, returns="output, state")
        assert wd.Recurrent(cell, returns="state").returns == "state"


class TestBackend:
    """What runs a layer, and why."""

    def test_says_the_truth(self) -> None:
        assert (lstm().backend, lstm().fallback_reason) == ("llvm", None)
        asked = lstm(backend="eager")
        assert (asked.backend, asked.fallback_reason) == ("eager", "the eager backend was asked for")

    def test_an_unknown_backend_is_refused(self) -> None:
        with pytest.raises(InputError, match=r"backend must be one of 'eager'.*got 'abacus'"):
            lstm(backend="abacus")

    def test_the_environment_asks_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("WOLFDOG_BACKEND", "eager")
        assert lstm().fallback_reason == "the eager backend was asked for"
        monkeypatch.setenv("WOLFDOG_BACKEND", "abacus")
        with pytest.raises(InputError, match=r"environment variable WOLFDOG_BACKEND.*got 'abacus'"):
            lstm()
        assert lstm(backend="eager").backend == "eager"  # the argument goes before the environment
        monkeypatch.setenv("WOLFDOG_BACKEND", "")
        assert lstm().fallback_reason is None


class TestEdges:
    """Nothing to do is done too."""

    @pytest.mark.parametrize("given", [False, True])
    def test_no_events(self, given: bool) -> None:
        layer = lstm()
        state = (torch.randn(2, 4), torch.randn(2, 4)) if given else layer.cell.initial_state(2)
        y, last = layer(torch.zeros(0, 2, 3), state if given else None)
        assert y.shape == (0, 2, 4)
        assert_same(last, state)

    def test_no_events_without_a_batch_or_with_the_batch_first(self) -> None:
        assert lstm()(torch.zeros(0, 3))[0].shape == (0, 4)
        assert lstm(batch_first=True)(torch.zeros(2, 0, 3))[0].shape == (2, 0, 4)

    def test_no_events_of_a_cell_with_an_output_of_its_own(self) -> None:
        assert wd.Recurrent(OutputAndState())(torch.zeros(0, 5, 3))[0].shape == (0, 5, 2)

    def test_no_events_and_no_state_that_anyone_knows(self) -> None:
        with pytest.raises(InputError, match=r"initial_state\(batch\)"):
            wd.Recurrent(OwnZero())(torch.zeros(0, 2, 3))

    def test_lengths_of_zero_freeze_the_state_and_zero_the_outputs(self) -> None:
        state = (torch.randn(2, 4), torch.randn(2, 4))
        y, last = lstm()(torch.randn(5, 2, 3), state, lengths=[0, 0])
        assert_same((y, last), (torch.zeros(5, 2, 4), state))

    @pytest.mark.parametrize("extra", [{}, {"lengths": []}, {"resets": torch.zeros(5, 0, dtype=torch.bool)}])
    def test_an_empty_batch(self, extra: dict[str, object]) -> None:
        y, (stm, ltm) = lstm()(torch.zeros(5, 0, 3), **extra)
        assert (y.shape, stm.shape, ltm.shape) == ((5, 0, 4), (0, 4), (0, 4))

    def test_what_lies_past_the_end_does_not_matter_even_if_it_is_no_number(self) -> None:
        layer, x = lstm(), torch.randn(5, 2, 3)
        spoilt = x.clone()
        spoilt[3:, 1] = torch.nan
        assert_same(layer(spoilt, lengths=[5, 3]), layer(x, lengths=[5, 3]))
        gradients = []
        for events in (spoilt, x):
            events.requires_grad_()
            y, _ = layer(events, lengths=[5, 3])
            gradients.append(torch.autograd.grad(y.sum(), [events, *layer.parameters()]))
        assert_same(*gradients)

    def test_events_need_not_be_contiguous(self) -> None:
        x = torch.randn(3, 2, 5)
        assert_same(lstm_of_seed()(x.permute(2, 1, 0)), lstm_of_seed()(x.permute(2, 1, 0).contiguous()))

    def test_features_of_any_shape(self) -> None:
        class Picture(nn.Module):
            def forward(self, x: Tensor, h: Tensor) -> Tensor:
                return 0.5 * h + x

            def initial_state(self, batch: int) -> Tensor:
                return torch.zeros(batch, 3, 8, 8)

        x = torch.randn(4, 2, 3, 8, 8)
        y, last = wd.Recurrent(Picture())(
            x, lengths=[4, 1], resets=torch.tensor([[False, False]] * 3 + [[True] * 2])
        )
        assert_agree(y[2, 0], x[2, 0] + 0.5 * x[1, 0] + 0.25 * x[0, 0])
        assert_agree(last, torch.stack((x[3, 0], x[0, 1])))


def lstm_of_seed() -> wd.Recurrent:
    torch.manual_seed(4)
    return lstm()


class TestSurvival:
    """Copies, pickles, conversions, autocast, hooks."""

    def test_copies_and_pickles_run_their_own_cell(self) -> None:
        layer, x = lstm(batch_first=True), torch.randn(2, 5, 3)
        file = io.BytesIO()
        torch.save(layer, file)
        file.seek(0)
        expected = layer(x)
        others = [copy.deepcopy(layer), torch.load(file, weights_only=False)]
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.zero_()
        for other in others:
            assert_same(other(x), expected)

    def test_state_dict_is_the_cell_s(self) -> None:
        assert set(lstm().state_dict()) == {f"cell.{name}" for name in nn.LSTMCell(3, 4).state_dict()}

    def test_conversion(self) -> None:
        y, (_, ltm) = lstm().double()(torch.randn(5, 2, 3, dtype=torch.float64))
        assert y.dtype is ltm.dtype is torch.float64

    @pytest.mark.parametrize(
        "cell", [wd.cells.LSTMCell, nn.LSTMCell, wd.cells.FourGateLSTMCell, wd.cells.GRUCell]
    )
    @pytest.mark.parametrize("x_dtype", [torch.float32, torch.bfloat16])
    def test_autocast_keeps_the_state_precise(self, cell: type[nn.Module], x_dtype: torch.dtype) -> None:
        layer, x = wd.Recurrent(cell(3, 4)), torch.randn(5, 2, 3).to(x_dtype)
        exact, _ = layer(x.float())
        with torch.autocast("cpu", dtype=torch.bfloat16):
            y, state = layer(x, lengths=[5, 4])
        memory = state[-1] if isinstance(state, tuple) else state
        assert memory.dtype is torch.float32
        assert_agree(y[:4].bfloat16(), exact[:4].bfloat16())

    def test_the_cell_s_hooks_run_at_every_step(self) -> None:
        layer, seen = lstm(), []
        layer.cell.register_forward_hook(lambda cell, arguments, result: seen.append(result[0]))
        y, _ = layer(torch.randn(5, 2, 3))
        assert_same(torch.stack(seen), y)

    def test_repr_shows_the_cell(self) -> None:
        assert "(cell): LSTMCell(3, 4)" in repr(lstm(batch_first=True))
        assert "batch_first=True" in repr(lstm(batch_first=True))
