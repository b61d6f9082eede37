"""How the units start, and that it lets them hold on for hundreds of steps where PyTorch's start does not."""

import math

import pytest
import torch
from torch import Tensor, nn

import wolfdog as wd
from cases import CELLS, CellCase
from tolerances import assert_agree, assert_same
from wolfdog.cells import Chrono, ForgetBias
from wolfdog.layers.cell.protocol import initial_state

F64 = torch.float64
GATED = [case for case in CELLS if not case.name.startswith("elman")]


def biases(cell: wd.cells.Cell) -> dict[str, Tensor]:
    """The total bias of each gate of a unit, by its name in the equations."""
    if isinstance(cell, wd.cells.FourGateLSTMCell) or getattr(cell, "peephole", None) == "full":
        return {name: gate.bias.detach() for name, gate in cell.named_children()}
    names = {1: "h", 3: "rzn", 4: "ifgo"}[len(cell.bias_ih) // cell.hidden_size]
    names = "igo" if isinstance(cell, wd.cells.CoupledLSTMCell) else names
    return dict(zip(names, (cell.bias_ih + cell.bias_hh).detach().chunk(len(names)), strict=True))


def keeping(cell: wd.cells.Cell) -> Tensor:
    """The total bias of the gate that keeps."""
    if isinstance(cell, wd.cells.CoupledLSTMCell):
        return -biases(cell)["i"]
    return biases(cell)["f" if "ltm" in cell.state_names else "z"]


def retention(cell: nn.Module, steps: int) -> float:
    """How much of the memory at the start is left after some steps of noise: the mean slope, unit by unit."""
    state = initial_state(cell, 1)
    with_ltm = isinstance(state, tuple)
    memory = (state[1] if with_ltm else state).requires_grad_()
    for event in 0.5 * torch.randn(steps, 1, cell.input_size, dtype=F64):
        state = cell(event, state)
    last = state[1] if with_ltm else state
    slopes = [
        torch.autograd.grad(last[0, k], memory, retain_graph=True)[0][0, k] for k in range(last.shape[1])
    ]
    return torch.stack(slopes).abs().mean().item()


@pytest.mark.parametrize("case", [case for case in GATED if case.name != "clipped_lstm"], ids=str)
def test_gated_units_hold_over_500_steps(case: CellCase) -> None:
    assert retention(case.make(4, 8, dtype=F64), 500) > 0.02


@pytest.mark.parametrize("case", [case for case in GATED if case.torch_cell], ids=str)
def test_pytorch_s_initialisation_does_not(case: CellCase) -> None:
    assert retention(case.torch_cell(4, 8, dtype=F64), 500) < 1e-20


def test_chrono_spreads_time_constants_evenly_up_to_the_span() -> None:
    forget, learn = Chrono(1000).biases(20_000, torch.device("cpu"), F64)
    assert_same(learn, -forget)
    lasting = 1 / (1 - torch.sigmoid(forget))  # steps
    assert 2 <= lasting.min() < 5
    assert 995 < lasting.max() <= 1000
    quartiles = torch.quantile(lasting, torch.tensor([0.25, 0.5, 0.75], dtype=F64))
    assert torch.allclose(quartiles, torch.tensor([251.5, 501.0, 750.5], dtype=F64), atol=15)


def test_chrono_spreads_the_logarithms_of_time_constants_evenly() -> None:
    forget, learn = Chrono(1001, spread="log").biases(20_000, torch.device("cpu"), F64)
    assert_same(learn, -forget)
    assert forget.min() >= 0
    quartiles = torch.quantile(forget, torch.tensor([0.25, 0.5, 0.75, 1.0], dtype=F64))
    assert torch.allclose(
        quartiles, math.log(1000) * torch.tensor([0.25, 0.5, 0.75, 1.0], dtype=F64), atol=0.1
    )
    with pytest.raises(wd.errors.InputError, match="spread"):
        Chrono(100, spread="linear")


@pytest.mark.parametrize("case", GATED, ids=str)
def test_the_default_is_chrono_over_a_thousand_steps(case: CellCase) -> None:
    cell = case.make(3, 200, dtype=F64)
    assert cell.forget == Chrono(1000)
    kept = keeping(cell)
    assert kept.min() >= 0
    assert math.log(900) < kept.max() <= math.log(999)


@pytest.mark.parametrize("case", GATED, ids=str)
def test_the_gate_that_learns_gets_the_opposite_and_the_others_nothing(case: CellCase) -> None:
    cell = case.make(3, 50, forget=Chrono(30), dtype=F64)
    kept = keeping(cell)
    assert kept.max() <= math.log(29)
    for name, bias in biases(cell).items():
        if name == "i":
            assert_same(bias, -kept)
        elif name not in "fz":
            assert not bias.any(), name


@pytest.mark.parametrize("case", GATED, ids=str)
def test_a_plain_forget_bias(case: CellCase) -> None:
    cell = case.make(3, 5, forget=ForgetBias(2.5), dtype=F64)
    assert_same(keeping(cell), torch.full((5,), 2.5, dtype=F64))
    gate = "i" if isinstance(cell, wd.cells.CoupledLSTMCell) else "f" if "ltm" in cell.state_names else "z"
    others = [bias for name, bias in biases(cell).items() if name != gate]
    assert not torch.stack(others).any()


def test_the_update_gate_s_bias_keeps() -> None:
    # The sign matters: z is the share of the old memory, so that a large bias must keep it.
    cell = wd.cells.GRUCell(3, 5, forget=ForgetBias(50.0), dtype=F64)
    stm = torch.randn(2, 5, dtype=F64)
    assert_agree(cell(torch.randn(2, 3, dtype=F64), stm), stm)


@pytest.mark.parametrize("case", CELLS, ids=str)
def test_recurrent_blocks_are_orthogonal(case: CellCase) -> None:
    cell, H = case.make(3, 6, dtype=F64), 6
    if hasattr(cell, "weight_hh"):
        blocks = cell.weight_hh.chunk(len(cell.weight_hh) // H)
    else:
        before = 2 * H if case.name == "peephole_full" else H
        blocks = [gate.weight[:, before - H : before] for name, gate in cell.named_children() if name != "u"]
        assert len(blocks) == 4
    for block in blocks:  # [H, H], or [H, P] where the memory is projected
        assert_agree((block.T @ block).detach(), torch.eye(block.shape[1], dtype=F64))


def test_four_gate_use_matrix_starts_at_the_identity() -> None:
    cell = wd.cells.FourGateLSTMCell(3, 6, dtype=F64)
    assert_same(cell.u.weight.detach(), torch.eye(6, dtype=F64))


@pytest.mark.parametrize("case", CELLS, ids=str)
def test_input_weights_are_glorot_s(case: CellCase) -> None:
    inputs, H = 40, 60
    cell = case.make(inputs, H, dtype=F64)
    if hasattr(cell, "weight_ih"):
        blocks = list(cell.weight_ih.chunk(len(cell.weight_ih) // H))
    else:
        blocks = [gate.weight[:, -inputs:] for name, gate in cell.named_children() if name != "u"]
    bound = math.sqrt(6 / (inputs + H))
    for block in blocks:
        assert 0.98 * bound < block.abs().max() <= bound
        assert abs(block.std().item() - bound / math.sqrt(3)) < 0.05 * bound


@pytest.mark.parametrize("form", ["full", "diagonal"])
def test_a_peephole_unit_starts_as_the_standard_one_but_for_the_restoring_peephole(form: str) -> None:
    peeping = wd.cells.PeepholeLSTMCell(3, 4, peephole=form, dtype=F64)
    plain = wd.cells.LSTMCell(3, 4, dtype=F64)
    if form == "diagonal":
        plain.load_state_dict({k: v for k, v in peeping.state_dict().items() if k != "weight_ch"})
    else:
        with torch.no_grad():
            peeping.n.weight[:, :4] += torch.eye(4)  # takes the restoring -LTM out of the candidate
        gates = [getattr(peeping, name) for name in "ifnv"]
        packed = torch.cat([gate.weight for gate in gates])
        with torch.no_grad():
            plain.weight_hh.copy_(packed[:, 4:8])
            plain.weight_ih.copy_(packed[:, 8:])
            plain.bias_ih.copy_(torch.cat([gate.bias for gate in gates]))
            plain.bias_hh.zero_()
    event, state = torch.randn(2, 3, dtype=F64), tuple(torch.randn(2, 2, 4, dtype=F64))
    assert_agree(peeping(event, state), plain(event, state))


@pytest.mark.parametrize("case", CELLS, ids=str)
def test_a_seed_gives_the_same_parameters_and_reset_new_ones(case: CellCase) -> None:
    def drawn() -> dict[str, Tensor]:
        torch.manual_seed(5)
        return case.make(3, 4).state_dict()

    one, other = drawn(), drawn()
    for name in one:
        assert_same(one[name], other[name])
    cell = case.make(3, 4)
    old = {name: value.clone() for name, value in cell.state_dict().items()}
    cell.reset_parameters()
    assert any(not torch.equal(value, old[name]) for name, value in cell.state_dict().items())


@pytest.mark.parametrize("case", CELLS, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("bias", [True, False])
def test_no_parameter_is_left_uninitialised(case: CellCase, dtype: torch.dtype, bias: bool) -> None:
    cell = case.make(3, 4, bias=bias, dtype=dtype)
    for name, parameter in cell.named_parameters():
        assert parameter.dtype is dtype
        assert bool(parameter.isfinite().all()), name
    assert bias or not any("bias" in name for name, _ in cell.named_parameters())


@pytest.mark.parametrize("case", GATED, ids=str)
def test_a_forget_option_without_biases_is_refused(case: CellCase) -> None:
    with pytest.raises(wd.errors.InputError, match="bias=False"):
        case.make(3, 4, bias=False, forget=Chrono(10))
    with pytest.raises(wd.errors.InputError, match="Chrono"):
        case.make(3, 4, forget=1.0)


@pytest.mark.parametrize("span", [1.9, -3, math.inf, math.nan])
def test_a_time_span_must_be_two_steps_or_more(span: float) -> None:
    with pytest.raises(wd.errors.InputError, match="time_span"):
        Chrono(span)


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_a_forget_bias_must_be_finite(value: float) -> None:
    with pytest.raises(wd.errors.InputError, match="finite"):
        ForgetBias(value)
