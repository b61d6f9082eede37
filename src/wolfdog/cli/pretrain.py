"""wolfdog pretrain: the any-class memory, trained on simulated streams, or the world memory."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from .options import check_seed
from .screen import StageBars, console
from .world_pretraining import pretrain_world_memory


def pretrain(
    out: Annotated[Path, typer.Option(help="File for the weights, .safetensors.")],
    seed: Annotated[int, typer.Option(callback=check_seed, help="The same seed gives the same weights.")] = 0,
    steps: Annotated[
        int | None,
        typer.Option(
            help="Steps of training of the causal form; 0 keeps that of --start.",
            show_default="6000; of a world, 3000",
        ),
    ] = None,
    ahead_steps: Annotated[
        int | None,
        typer.Option(
            help="Steps of training of the form that looks ahead; 0 keeps that of --start.",
            show_default="2200",
        ),
    ] = None,
    width: Annotated[
        int | None, typer.Option(help="Units of the state of each class.", show_default="40")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(help="Largest learning rate.", show_default="0.003; with --start, 0.001"),
    ] = None,
    ahead_harm: Annotated[
        float | None,
        typer.Option(
            help="Weight of harm to right labels in the loss of the form that looks ahead.",
            show_default="0.8",
        ),
    ] = None,
    ahead_flicker: Annotated[
        float | None,
        typer.Option(
            help="Share of the streams of the form that looks ahead whose classifier errs anew in nearly each frame.",
            show_default="0.4",
        ),
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="Network that the training continues from, .safetensors.")
    ] = None,
    threads: Annotated[int, typer.Option(help="Threads of PyTorch.")] = 1,
    world: Annotated[
        bool,
        typer.Option(
            "--world",
            help="Train the memory of wolves and dogs on a classifier's answers to photographs. Needs --images.",
        ),
    ] = False,
    images: Annotated[
        Path | None, typer.Option(help="With --world: photographs, DIR/<class>/*.png or *.jpg.")
    ] = None,
    most: Annotated[
        int | None,
        typer.Option(min=2, help="With --world: photographs of a class at most.", show_default="300"),
    ] = None,
    distractor: Annotated[
        list[str] | None,
        typer.Option(
            help="With --world: another folder of photographs in DIR, of animals that look like those of the classes. "
            "Repeatable."
        ),
    ] = None,
    bank: Annotated[
        Path | None,
        typer.Option(
            help="With --world: NPZ file that keeps the classifier's answers; read where it exists."
        ),
    ] = None,
) -> None:
    """Train the any-class memory, which smooths the probabilities of any classifier, on simulated streams.

    With the default options it trains a new network; with --start it continues one, as the network that comes with
    wolfdog was made. With --world it trains the memory of wolves and dogs instead, which knows what is seen together,
    as it comes with wolfdog.
    """
    import torch

    from wolfdog.errors import InputError
    from wolfdog.watch.smoothing.any_class_file import load_network, save_network
    from wolfdog.watch.smoothing.any_class_network import AnyClassConfig
    from wolfdog.watch.smoothing.pretraining import Pretraining
    from wolfdog.watch.smoothing.pretraining import pretrain as train
    from wolfdog.watch.smoothing.variation import VARIED_AHEAD

    if threads < 1:
        raise InputError(f"--threads must be at least 1, got {threads}.")
    if out.is_dir() or not out.parent.is_dir():
        raise InputError(f"--out {out}: expected a file in a folder that exists.")
    torch.set_num_threads(threads)
    if world:
        if any(option is not None for option in (ahead_steps, width, rate, ahead_harm, ahead_flicker, start)):
            raise InputError(
                "--ahead-steps, --width, --rate, --ahead-harm, --ahead-flicker and --start are of the any-class "
                "memory: leave them out with --world."
            )
        pretrain_world_memory(
            images, out, seed=seed, steps=steps, most=most, distractors=distractor or [], bank=bank
        )
        return
    if any(option is not None for option in (images, most, bank, distractor)):
        raise InputError(
            "--images, --most, --distractor and --bank are for --world: give it too, or leave them out."
        )
    if start is not None and width is not None:
        raise InputError("--width is of a new network: leave it out with --start.")
    steps, ahead_steps = 6000 if steps is None else steps, 2200 if ahead_steps is None else ahead_steps
    if rate is None:
        rate = Pretraining.rate if start is None else 1e-3
    options = Pretraining(
        steps=steps,
        ahead_steps=ahead_steps,
        seed=seed,
        rate=rate,
        ahead_harm=Pretraining.ahead_harm if ahead_harm is None else ahead_harm,
        ahead_variation=VARIED_AHEAD
        if ahead_flicker is None
        else replace(VARIED_AHEAD, flicker=ahead_flicker),
    )
    config = AnyClassConfig(width=40 if width is None else width)
    before = None if start is None else load_network(start)
    with StageBars(1)("training on simulated streams", steps + ahead_steps) as done:
        network = train(
            options,
            config,
            lambda form, step, loss: done(
                step + (steps if form == "ahead" else 0), f"{form} form: loss {loss:.3f}"
            ),
            start=before,
        )
    save_network(out, network, {"options": asdict(options), "torch": torch.__version__})
    console.print(f"{out}: {out.stat().st_size:,} bytes", markup=False, soft_wrap=True)
