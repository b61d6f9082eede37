"""A world of people, places and things, which tells what happens in it and asks about it.

Four people walk about six places; three things lie there, are picked up, carried and put down. At every event one
person, any of the four, does one thing: who carries something puts a thing down in one case of four; else, who stands
where something lies picks a thing up in one case of two; else the person walks to another place. A place is known of
a person after the first walk, and of a thing after it was first picked up. Each act has several wordings.

Questions, each with the lines that answer it:

    task 1  where is a person?                                      the last walk
    task 2  where is a thing?                                       who carries it, or put it down, and where that was
    task 3  where was a thing before the place it is at or was last carried to?    who carried it, from where, where to

They are asked five to a story, after so many events as `PAUSES` says, about what is known by then, whatever lies
between. This is the kind of world of tasks 1 to 3 of Weston et al. 2015, "Towards AI-complete question answering: a
set of prerequisite toy tasks", with as many people, places, things and wordings; no text of theirs is used.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

PEOPLE = ("Agnes", "Boris", "Chloe", "Dmitri")
PLACES = ("attic", "balcony", "cellar", "garage", "library", "workshop")
THINGS = ("kettle", "lantern", "violin")
WALKS = ("walked to", "ran to", "hurried to", "strolled to", "crept into")
LIFTS = ("lifted", "seized", "collected", "fetched")
LAYS = ("laid down", "abandoned", "released", "parked")

QUESTIONS = 5
"""A story asks so many."""

PAUSES = {1: (2, 2), 2: (2, 8), 3: (8, 20)}
"""By task: so many events, from and to, lie between two questions at least."""


@dataclass
class World:
    """What is so, and the lines of the story that say it."""

    chance: random.Random
    lines: list[str] = field(default_factory=list)
    at: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Of a person: the place, and the line of the walk there."""
    lies: dict[str, str] = field(default_factory=dict)
    """Of a thing that nobody carries: the place."""
    carrier: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Of a thing: who carries it, or did last, and the line of picking it up."""
    put: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Of a thing that was put down: the line of that, and the line of the walk to there."""
    came: dict[str, tuple[tuple[str, int], tuple[str, int], int]] = field(default_factory=dict)
    """Of a thing that was carried from a place to another: both, with the lines of the walks there, and the line of
    picking it up."""

    def __post_init__(self) -> None:
        self.lies = {thing: self.chance.choice(PLACES) for thing in THINGS}

    def happens(self) -> None:
        """One event."""
        person = self.chance.choice(PEOPLE)
        here = self.at.get(person, ("", 0))[0]
        carries = [
            thing for thing, (who, _) in self.carrier.items() if who == person and thing not in self.lies
        ]
        around = [thing for thing, place in self.lies.items() if place == here]
        if carries and self.chance.random() < 0.25:
            self._puts_down(person, self.chance.choice(carries))
        elif around and self.chance.random() < 0.5:
            self._picks_up(person, self.chance.choice(around))
        else:
            self._walks(person, self.chance.choice([place for place in PLACES if place != here]), carries)

    def asks(self, task: int) -> bool:
        """Asks, where there is something to ask; whether there was."""
        known = sorted((self.at, self.carrier, self.came)[task - 1])
        if not known:
            return False
        about = self.chance.choice(known)
        if task == 1:
            (answer, line), question = self.at[about], f"Where is {about}?"
            facts: tuple[int, ...] = (line,)
        elif task == 2:
            who, picked = self.carrier[about]
            question = f"Where is the {about}?"
            answer = self.lies.get(about, self.at[who][0])
            facts = self.put[about] if about in self.lies else (picked, self.at[who][1])
        else:
            (answer, left), (place, arrived), picked = self.came[about]
            question, facts = f"Where was the {about} before the {place}?", (picked, left, arrived)
        self._says(f"{question}\t{answer}\t{' '.join(map(str, facts))}")
        return True

    def _says(self, what: str) -> int:
        self.lines.append(f"{len(self.lines) + 1} {what}")
        return len(self.lines)

    def _walks(self, person: str, place: str, carries: list[str]) -> None:
        before = self.at.get(person)
        line = self._says(f"{person} {self.chance.choice(WALKS)} the {place}.")
        self.at[person] = place, line
        for thing in carries:
            assert before is not None, "nobody carries anything before the first walk"
            self.came[thing] = before, (place, line), self.carrier[thing][1]

    def _picks_up(self, person: str, thing: str) -> None:
        self.carrier[thing] = person, self._says(f"{person} {self.chance.choice(LIFTS)} the {thing}.")
        del self.lies[thing]

    def _puts_down(self, person: str, thing: str) -> None:
        self.lies[thing], walk = self.at[person]
        self.put[thing] = self._says(f"{person} {self.chance.choice(LAYS)} the {thing}."), walk


def stories(task: int, questions: int, seed: int) -> Iterator[str]:
    """The lines of so many questions and their stories, in the format of bAbI; the same for the same seed."""
    chance = random.Random(f"{task} {seed}")
    asked = 0
    while asked < questions:
        world = World(chance)
        for _ in range(min(QUESTIONS, questions - asked)):
            for _ in range(chance.randint(*PAUSES[task])):
                world.happens()
            while not world.asks(task):
                world.happens()
            asked += 1
        yield from world.lines
