"""Television of your own: a watering hole by day and by night, and how well anybody could watch it.

By day zebras (horses, to the frame classifier) come with birds; at night the same silhouettes are wild asses, and owls
are about, which here look like cats. Who knows what came before knows which is which.

    python examples/own_world.py
"""

from wolfdog.tv import Channel, IdealObserver, Pace, Sampler, ShotLength, World

WORLD = World(
    "watering hole",
    fps=2.0,
    channels=(
        Channel("day", mean_stay=4000, informative={"bird": 1}, filler={"zebra": 2, "unknown": 3}),
        Channel("night", mean_stay=3000, informative={"owl": 1}, filler={"ass": 2, "unknown": 3}),
    ),
    paces=(
        Pace("busy", informative_rate=0.2, mean_stay=500),
        Pace("still", informative_rate=0.02, mean_stay=1500),
    ),
    shot=ShotLength(mean=6, phases=2),
    looks={"zebra": "horse", "ass": "horse", "owl": "cat"},
)


def main() -> None:
    programme = Sampler(WORLD, streams=32, seed=0).draw(3000)
    said = IdealObserver(WORLD).perfect(programme).argmax(-1)
    print(f"{WORLD.name}: {', '.join(WORLD.labels)}; ambiguous are {' and '.join(WORLD.ambiguous_labels)}")
    for low, high in (1, 30), (30, 100), (100, 300), (300, 1000):
        among = programme.ambiguous & (programme.gap >= low) & (programme.gap < high)
        right = (said == programme.label)[among].mean()
        print(
            f"{low:4} to {high:4} frames after an informative frame: {100 * right:.1f} % at best, of {among.sum():,}"
        )


if __name__ == "__main__":
    main()
