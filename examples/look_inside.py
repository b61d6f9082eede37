"""Look inside a memory: a four-gate LSTM learns to watch television, and a picture shows what it holds, and when.

Television comes as one number for each look, with noise: wolves and dogs look alike, and only what was seen before
tells them apart. The memory learns by truncated backpropagation from endless streams, whose gaps grow as it learns.

    python examples/look_inside.py look_inside.png
"""

import sys
from collections.abc import Iterator

import torch
from torch import Tensor, nn

import wolfdog as wd
from wolfdog.tv import IdealObserver, Programme, Sampler, default_world

WORLD = default_world().with_(switch_every=1000)
STEPS, CHUNK, STREAMS, UNITS = 700, 64, 32, 24
BUSY, QUIET = 0.5, 0.03  # the share of shots that tell something, at first and in the end


def seen(programme: Programme) -> Tensor:
    """Output of a frame classifier for every frame, [T, B, looks]: its look, and noise."""
    clear = nn.functional.one_hot(torch.from_numpy(programme.look), len(WORLD.look_names)).float()
    return clear + 0.1 * torch.randn(clear.shape)


def chunks() -> Iterator[wd.Chunk]:
    """Chunks of endless streams, in which informative events become rarer."""
    sampler = Sampler(WORLD.with_(informative_rate=BUSY), STREAMS, seed=0)
    for step in range(STEPS):
        sampler.world = WORLD.with_(informative_rate=BUSY * (QUIET / BUSY) ** min(1, step / (0.6 * STEPS)))
        programme = sampler.draw(CHUNK)
        resets = torch.zeros(CHUNK, STREAMS, dtype=torch.bool)
        resets[0] = torch.rand(STREAMS) < 0.1  # frequent resets: beginnings train much
        yield wd.Chunk(seen(programme), resets=resets, target=torch.from_numpy(programme.label))


def main() -> None:
    torch.manual_seed(0)
    forget = wd.cells.Chrono(300)  # memories of up to 300 frames to begin with
    layer = wd.Recurrent(wd.cells.FourGateLSTMCell(len(WORLD.look_names), UNITS, forget=forget))
    head = nn.Linear(UNITS, len(WORLD.labels))

    def loss(y: Tensor, chunk: wd.Chunk) -> Tensor:
        return nn.functional.cross_entropy(head(y).flatten(0, 1), chunk.target.flatten())

    adam = torch.optim.Adam([*layer.parameters(), *head.parameters()], 0.01)
    for step, cost in enumerate(wd.TruncatedBPTT(layer, chunks()).train(loss, adam, clip=1.0), 1):
        if step % 100 == 0:
            print(f"step {step}: loss {cost:.3f}")

    broadcast = Sampler(WORLD.with_(informative_rate=QUIET), 8, seed=1).draw(1000)
    activations = layer.activations(seen(broadcast))
    labels = torch.softmax(head(activations["stm"]), -1).detach()
    wolf, dog = (labels[..., WORLD.labels.index(name)] for name in ("wolf", "dog"))
    says = torch.where(wolf + dog > 0.5, wolf / (wolf + dog), torch.nan)
    example = int(
        (broadcast.channel[1:] != broadcast.channel[:-1]).sum(0).argmax()
    )  # a stream that changes its channel
    figure = wd.plot_gates(
        {**activations, "wolf, not dog": says},
        ["ltm", "f", "learn", "use", "wolf, not dog"],
        example=example,
        events=[WORLD.look_names[look] for look in broadcast.look[:, example]],
        times=torch.arange(len(says)) / WORLD.fps,
        order="ltm",
        title="A four-gate LSTM watches television",
    )
    path = sys.argv[1] if len(sys.argv) > 1 else "look_inside.png"
    figure.savefig(path, dpi=110)
    decidable = broadcast.ambiguous & (broadcast.gap >= 0)  # canines after an informative frame
    right = (labels.argmax(-1).numpy() == broadcast.label)[decidable].mean()
    best = (IdealObserver(broadcast.world).perfect(broadcast).argmax(-1) == broadcast.label)[decidable].mean()
    print(f"{path}: {100 * right:.1f} % of canines right, the ideal observer {100 * best:.1f} %")


if __name__ == "__main__":
    main()
