"""wolfdog pretrain: the any-class memory, trained on simulated streams."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .screen import StageBars, console


def pretrain(
    out: Annotated[Path, typer.Option(help="File for the weights, .safetensors.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same weights.")] = 0,
    steps: Annotated[int, typer.Option(help="Steps of training of the causal form.")] = 5000,
    ahead_steps: Annotated[int, typer.Option(help="Steps of training of the form that looks ahead.")] = 2000,
    width: Annotated[int, typer.Option(help="Units of the state of each class.")] = 32,
    threads: Annotated[int, typer.Option(help="Threads of PyTorch.")] = 1,
) -> None:
    """Train the any-class memory, which smooths the probabilities of any classifier, on simulated streams.

    With the default options it trains the network that comes with wolfdog.
    """
    import torch

    from wolfdog.errors import InputError
    from wolfdog.watch.smoothing.any_class_file import save_network
    from wolfdog.watch.smoothing.any_class_network import AnyClassConfig
    from wolfdog.watch.smoothing.pretraining import Pretraining
    from wolfdog.watch.smoothing.pretraining import pretrain as train

    if threads < 1:
        raise InputError(f"--threads must be at least 1, got {threads}.")
    options = Pretraining(steps=steps, ahead_steps=ahead_steps, seed=seed)
    config = AnyClassConfig(width=width)
    if out.is_dir() or not out.parent.is_dir():
        raise InputError(f"--out {out}: expected a file in a folder that exists.")
    torch.set_num_threads(threads)
    with StageBars(1)("training on simulated streams", steps + ahead_steps) as done:
        network = train(
            options,
            config,
            lambda form, step, loss: done(
                step + (steps if form == "ahead" else 0), f"{form} form: loss {loss:.3f}"
            ),
        )
    save_network(out, network, {"options": asdict(options), "torch": torch.__version__})
    console.print(f"{out}: {out.stat().st_size:,} bytes", markup=False, soft_wrap=True)
