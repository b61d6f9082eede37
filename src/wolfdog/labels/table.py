"""Table of labels: the spans of each video, with the sites and splits of the videos."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .spans import LabelSpan


@dataclass(frozen=True, eq=False)
class LabelTable(Mapping[str, Sequence[LabelSpan]]):
    """Labels of several videos or images: a mapping from their names to their spans.

    Attributes:
        spans: Spans of each video, in order of time.
        sites: Site or camera of each video, where the labels say it.
        splits: Split of each video ("train", "test", ...), where the labels say it.

    Examples:
        >>> table = LabelTable({"a.mp4": [LabelSpan(0, 2, "wolf")]}, sites={"a.mp4": "north"})
        >>> table["a.mp4"][0].label, table.site("a.mp4"), table.classes
        ('wolf', 'north', ('wolf',))
    """

    spans: Mapping[str, Sequence[LabelSpan]]
    sites: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    splits: Mapping[str, str] = field(default_factory=dict, kw_only=True)

    def __getitem__(self, name: str) -> Sequence[LabelSpan]:
        return self.spans[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.spans)

    def __len__(self) -> int:
        return len(self.spans)

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels in use, sorted by name."""
        return tuple(sorted({span.label for spans in self.spans.values() for span in spans}))

    def site(self, name: str) -> str:
        """Site of a video: as the labels say it, else the folder of its name, else its name."""
        return self.sites.get(name) or name.rpartition("/")[0] or name

    def only(self, names: Mapping[str, str]) -> "LabelTable":
        """Labels of some of the videos, under other names.

        Args:
            names: New names by the old ones.

        Returns:
            The labels. Videos that get the same name share their spans.
        """
        spans: dict[str, list[LabelSpan]] = {}
        for old, new in names.items():
            moved = [replace(span, bag=new) if span.bag == old else span for span in self.spans[old]]
            spans[new] = sorted([*spans.get(new, ()), *moved])
        return LabelTable(
            spans,
            sites={new: self.sites[old] for old, new in names.items() if old in self.sites},
            splits={new: self.splits[old] for old, new in names.items() if old in self.splits},
        )
