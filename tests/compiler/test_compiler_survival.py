"""Compiled layers in all that PyTorch does with a module."""

import copy
import gc
import io
import multiprocessing
import resource
import subprocess
import sys
import threading

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

import wolfdog as wd
from wolfdog.compiler.backends.numba.threads import cuts


def lstm(dtype: torch.dtype = torch.float64, **options: object) -> wd.Recurrent:
    torch.manual_seed(0)
    return wd.Recurrent(wd.cells.LSTM(3, 4, dtype=dtype), **options)


def eager_of(layer: wd.Recurrent) -> wd.Recurrent:
    return wd.Recurrent(layer.cell, backend="eager")


def close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-11)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("cell", [wd.cells.LSTM, nn.GRUCell])
@pytest.mark.parametrize("lengths", [None, [2, 5, 3]])
def test_torch_compile_has_one_graph_with_the_operator_in_it(
    cell: type[nn.Module], lengths: list[int] | None
) -> None:
    model = nn.ModuleDict(
        {"before": nn.Linear(2, 3), "layer": wd.Recurrent(cell(3, 4)), "after": nn.Linear(4, 2)}
    )
    ends = None if lengths is None else torch.tensor(lengths)
    graphs: list[str] = []

    def backend(graph: torch.fx.GraphModule, inputs: object) -> object:
        graphs.append(graph.code)
        return graph.forward

    def forward(x: Tensor) -> Tensor:
        y, _ = model["layer"](model["before"](x), lengths=ends)
        return model["after"](y)

    x = torch.randn(5, 3, 2, requires_grad=True)
    compiled = torch.compile(forward, fullgraph=True, backend=backend)
    y, expected = compiled(x), forward(x)
    assert [code.count("wolfdog.recurrence") for code in graphs] == [1]
    torch.testing.assert_close(y, expected)
    wanted = [x, *model.parameters()]
    pairs = zip(
        torch.autograd.grad(y.sum(), wanted), torch.autograd.grad(expected.sum(), wanted), strict=True
    )
    for actual, should in pairs:
        torch.testing.assert_close(actual, should)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_the_operator_keeps_pytorch_s_rules() -> None:
    from wolfdog.compiler import binding

    layer = lstm()
    x = torch.randn(3, 2, 3, dtype=torch.float64)
    layer(x)
    from wolfdog.layers.compiled import CompiledRunner

    compiled = CompiledRunner(layer.cell, "state").prepare(x[0])
    assert compiled is not None
    recurrence = compiled.recurrence(resets=False, hoist_events=True)
    operator, number = binding.operator(), binding.number_of(recurrence)
    values = compiled.traced.parameters.run(dict(layer.cell.named_parameters()))
    early = recurrence.early(like=x, **values)
    events = recurrence.over_events(like=x, x=x, **values, **early)
    states = [torch.randn(2, 4, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    parts = [[events[n].detach().requires_grad_() for n in recurrence.events],
             [early[n].detach().requires_grad_() for n in recurrence.parameters], states]  # fmt: skip
    torch.library.opcheck(
        operator, (number, 3, None, *parts, True), test_utils=("test_schema", "test_faketensor")
    )
    torch.library.opcheck(
        operator, (number, 3, None, *parts, True), test_utils=("test_autograd_registration",)
    )


def test_functional_call_uses_the_parameters_it_is_given() -> None:
    layer, x = lstm(), torch.randn(5, 2, 3, dtype=torch.float64)
    y, _ = layer(x)
    doubled = {name: 2 * p.detach() for name, p in layer.named_parameters()}
    z, _ = torch.func.functional_call(layer, doubled, (x,))
    expected, _ = torch.func.functional_call(eager_of(layer), doubled, (x,))
    close(z, expected)
    assert not torch.allclose(z, y)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_transforms_of_torch_func_run_the_loop() -> None:
    layer, x = lstm(), torch.randn(3, 5, 2, 3, dtype=torch.float64)
    mapped = torch.func.vmap(lambda one: layer(one)[0])(x)
    close(mapped, torch.stack([layer(one)[0] for one in x]))
    _, tangent = torch.func.jvp(lambda one: layer(one)[0], (x[0],), (torch.ones_like(x[0]),))
    assert tangent.shape == (5, 2, 4)


def test_second_derivatives() -> None:
    layer = wd.Recurrent(wd.cells.GRU(2, 3, dtype=torch.float64))
    x = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    h = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    weight = layer.cell.weight_hh

    def run(x: Tensor, h: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
        return torch.func.functional_call(layer, {"cell.weight_hh": w}, (x, h))

    assert torch.autograd.gradcheck(run, (x, h, weight))
    assert torch.autograd.gradgradcheck(run, (x, h, weight))


def test_autocast_computes_in_the_parameters_format() -> None:
    layer, x = lstm(torch.float32), torch.randn(5, 2, 3)
    expected, _ = layer(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, _ = layer(x)
    torch.testing.assert_close(y, expected, rtol=0, atol=0)


def test_copies_and_pickles_are_layers_of_their_own() -> None:
    layer, x = lstm(), torch.randn(5, 2, 3, dtype=torch.float64)
    expected, _ = layer(x)
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    others = [copy.deepcopy(layer), torch.load(file, weights_only=False)]
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
    for other in others:
        close(other(x)[0], expected)
    assert not layer(x)[0].any()


def test_steps_notice_every_way_that_a_parameter_changes() -> None:
    layer, event = lstm(), torch.randn(2, 3, dtype=torch.float64)
    other = lstm()
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.5)

    def train() -> None:
        layer(event.unsqueeze(0))[0].sum().backward()
        optimizer.step()

    def edit() -> None:
        with torch.no_grad():
            layer.cell.weight_hh.mul_(2)

    def replace() -> None:
        layer.cell.weight_ih = nn.Parameter(torch.randn_like(layer.cell.weight_ih))

    for change in (train, edit, replace, lambda: layer.load_state_dict(other.state_dict())):
        state = tuple(torch.randn(2, 4, dtype=torch.float64) for _ in range(2))
        with torch.no_grad():
            before, _ = layer.step(event, state)
        change()
        with torch.no_grad():
            after, _ = layer.step(event, state)
            expected, _ = eager_of(layer).step(event, state)
        close(after, expected)
        assert not torch.equal(before, after)


def test_a_changed_setting_is_another_step() -> None:
    class Leaky(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.rate, self.input_size = nn.Linear(3, 3), 0.5, 3

        def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
            h = torch.zeros_like(x) if h is None else h
            return h + self.rate * torch.tanh(self.linear(x) - h)

    layer, x = wd.Recurrent(Leaky()), torch.randn(5, 2, 3)
    first, _ = layer(x)
    layer.cell.rate = 0.25
    torch.testing.assert_close(layer(x)[0], eager_of(layer)(x)[0])
    assert not torch.equal(layer(x)[0], first)
    assert layer.backend == "numba"


def test_a_changed_module_is_another_cell() -> None:
    layer, x = wd.Recurrent(wd.cells.FourGateLSTM(3, 4)), torch.randn(5, 2, 3)
    with torch.no_grad():
        layer(x)
        state = layer.step(x[0])[1]
        layer.step(x[0], state)
        layer.cell.u = nn.Linear(4, 4)
        torch.testing.assert_close(layer(x)[0], eager_of(layer)(x)[0])
        torch.testing.assert_close(layer.step(x[0], state)[0], eager_of(layer).step(x[0], state)[0])


def test_several_threads_at_once() -> None:
    layer, failures = lstm(), []
    inputs = [torch.randn(7, batch, 3, dtype=torch.float64) for batch in (1, 2, 5, 9)]
    expected = [eager_of(layer)(x)[0].detach() for x in inputs]

    def work(number: int) -> None:
        try:
            for _ in range(30):
                close(layer(inputs[number])[0].detach(), expected[number])
                with torch.no_grad():
                    close(layer.step(inputs[number][0])[0], expected[number][0])
        except AssertionError as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number % 4,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_two_threads_give_what_one_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    from wolfdog.compiler.backends.numba import threads

    monkeypatch.setattr(threads, "WORTH", 1)
    layer, x = lstm(), torch.randn(6, 7, 3, dtype=torch.float64, requires_grad=True)
    lengths = torch.tensor([6, 1, 5, 2, 4, 0, 3])
    results = []
    for count in (1, 3):
        torch.set_num_threads(count)
        try:
            y, _ = layer(x, lengths=lengths)
            results.append((y, *torch.autograd.grad(y.sum(), [x, *layer.parameters()])))
        finally:
            torch.set_num_threads(1)
    for one, three in zip(*results, strict=True):
        close(three, one)


def test_a_batch_is_cut_by_work() -> None:
    assert cuts(6, 3) == [0, 2, 4, 6]
    assert cuts(4, 2, [9, 1, 1, 1]) == [0, 1, 4]
    assert cuts(3, 3, [5, 5, 5]) == [0, 1, 2, 3]


class _Remembered(Dataset[Tensor]):
    def __init__(self) -> None:
        self.layer = lstm(torch.float32)

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Tensor:
        with torch.no_grad():
            return self.layer(torch.full((3, 2, 3), float(index)))[0]


@pytest.mark.parametrize("start", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_data_loader_workers(start: str) -> None:
    data = _Remembered()
    expected = torch.stack([data[index] for index in range(4)])
    context = multiprocessing.get_context(start)
    loader = DataLoader(data, batch_size=2, num_workers=2, multiprocessing_context=context)
    torch.testing.assert_close(torch.cat(list(loader)), expected)


DDP = """
import sys, torch, torch.distributed as dist, wolfdog as wd
rank = int(sys.argv[1])
dist.init_process_group("gloo", init_method=f"file://{sys.argv[2]}", rank=rank, world_size=2)
torch.manual_seed(0)
model = torch.nn.parallel.DistributedDataParallel(wd.Recurrent(wd.cells.LSTM(3, 4)))
x = torch.randn(5, 4, 3)
y, _ = model(x[:, 2 * rank : 2 * rank + 2])
y.sum().backward()
whole = wd.Recurrent(model.module.cell, backend="eager")
expected = torch.autograd.grad(whole(x)[0].sum() / 2, list(whole.parameters()))
for parameter, gradient in zip(model.parameters(), expected, strict=True):
    torch.testing.assert_close(parameter.grad, gradient)
assert model.module.backend == "numba"
dist.destroy_process_group()
"""


def test_two_processes_share_gradients(tmp_path: object) -> None:
    command = [sys.executable, "-W", "ignore", "-c", DDP]
    runs = [
        subprocess.Popen([*command, str(rank), f"{tmp_path}/meet"], stderr=subprocess.PIPE) for rank in (0, 1)
    ]
    for one in runs:
        _, errors = one.communicate(timeout=120)
        assert one.returncode == 0, errors.decode()


def test_calls_leak_nothing() -> None:
    layer, x = lstm(torch.float32), torch.randn(4, 2, 3, requires_grad=True)

    def calls(count: int) -> None:
        for _ in range(count):
            layer(x)[0].sum().backward()
            with torch.no_grad():
                layer.step(x[0])

    calls(300)
    gc.collect()
    objects, size = len(gc.get_objects()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    calls(2000)
    gc.collect()
    assert len(gc.get_objects()) - objects < 200
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - size < 8_000  # KiB


LATER = """
import sys, torch, wolfdog as wd
with torch.no_grad():
    wd.Recurrent(wd.cells.LSTM(3, 4))(torch.zeros(3, 2, 3))
assert "llvmlite" in sys.modules
assert not {"numba", "sympy", "torch._dynamo"} & set(sys.modules), sys.modules
"""


def test_a_later_process_needs_no_compiler() -> None:
    with torch.no_grad():
        lstm(torch.float32)(torch.zeros(3, 2, 3))
    result = subprocess.run([sys.executable, "-c", LATER], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
