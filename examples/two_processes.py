"""Training in two processes: each sees half of the batch, and the gradients are those of one that sees it all.

Run by torchrun, or by itself, which starts torchrun:

    torchrun --nproc-per-node 2 examples/two_processes.py
    python examples/two_processes.py
"""

import os
import subprocess
import sys

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

import wolfdog as wd


class Counter(nn.Module):
    """Two layers of memory in the place of torch.nn's, and what they say at the end of each sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = wd.GRU(3, 16, num_layers=2)
        self.head = nn.Linear(16, 1)

    def forward(self, x: Tensor) -> Tensor:
        _, last = self.memory(x)
        return self.head(last[-1]).squeeze(-1)


def batch(step: int) -> tuple[Tensor, Tensor]:
    """Pulses [T, B, 3], and how many there were of the first kind, [B]."""
    generator = torch.Generator().manual_seed(step)
    x = (torch.rand(12, 8, 3, generator=generator) < 0.2).float()
    return x, x[..., 0].sum(0)


def train() -> None:
    dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    torch.manual_seed(0)
    model, alone = Counter(), Counter()
    alone.load_state_dict(model.state_dict())
    shared = DistributedDataParallel(model)
    steps = [torch.optim.Adam(m.parameters(), 0.02) for m in (model, alone)]
    for step in range(20):
        x, count = batch(step)
        mine = slice(rank, None, world)  # every world-th sequence
        for run, adam, part in ((shared, steps[0], mine), (alone, steps[1], slice(None))):
            loss = nn.functional.mse_loss(run(x[:, part]), count[part])
            adam.zero_grad()
            loss.backward()
            adam.step()
        for one, other in zip(model.parameters(), alone.parameters(), strict=True):
            torch.testing.assert_close(one.grad, other.grad, rtol=1e-3, atol=1e-5)
    if rank == 0:
        print(
            f"{world} processes, backend {model.memory.backend}: gradients of one process, loss {loss.item():.3f}"
        )
    dist.destroy_process_group()


def main() -> None:
    if "LOCAL_RANK" in os.environ:
        train()
        return
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        __file__,
    ]
    threads = {"OMP_NUM_THREADS": "1"} | os.environ
    sys.exit(subprocess.run(command, env=threads, check=False).returncode)


if __name__ == "__main__":
    main()
