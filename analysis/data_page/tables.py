"""The numbers of a page on data as tables, with bars in their cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analysis.data_page.inspection import Inspection
from analysis.data_page.statistics import Group, KeypointCount, SplitStatistics, Spread
from analysis.report.elements.section import Table
from trainers.data.annotations.keypoints import KeypointSet


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A cell with a bar: its length as a share from 0 to 1, and the text beside it."""

    share: float
    text: str


@dataclass(frozen=True, kw_only=True)
class BarTable:
    """Rows of a name and a bar for each of the columns."""

    title: str
    note: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Bar]]]


def overview(found: Inspection) -> Table:
    """Return the rows of people and images in each split, and of those left out."""
    counts = found.statistics
    reasons = list(dict.fromkeys(reason for entry in counts for reason in entry.left_out))

    def row(name: str, value: Callable[[SplitStatistics], str]) -> list[str]:
        return [name, *(value(entry) for entry in counts)]

    return Table(
        title="What was read",
        columns=["", *(entry.split for entry in counts)],
        rows=[
            row("images listed", lambda entry: f"{entry.images:,}"),
            row("images with people", lambda entry: f"{entry.images_with_people:,}"),
            row("images that cannot be used", lambda entry: f"{entry.broken:,}"),
            row("annotations", lambda entry: f"{entry.annotations:,}"),
            row("people to learn from or to score", lambda entry: f"{entry.people:,}"),
            *(
                row(f"left out, {reason}", lambda entry, reason=reason: f"{entry.left_out.get(reason, 0):,}")  # type: ignore[misc]
                for reason in reasons
            ),
            row("height of a box, median (10 % to 90 %)", lambda entry: f"{_middle(entry.height, 0)} px"),
            row("width / height of a box, median (10 % to 90 %)", lambda entry: _middle(entry.aspect, 2)),
            row("hidden among labelled keypoints", lambda entry: f"{entry.hidden_share:.1%}"),
            row("boxes that reach over their image", lambda entry: f"{entry.boxes_outside:,}"),
            row("labelled keypoints outside their image", lambda entry: f"{entry.keypoints_outside_image:,}"),
            row("labelled keypoints far outside their box", lambda entry: f"{entry.keypoints_outside_box:,}"),
            row("people enlarged by more than 2", lambda entry: f"{entry.enlarged:,}"),
        ],
    )


def keypoint_bars(found: Inspection) -> BarTable:
    """How many people have each keypoint labelled."""
    names = found.data.keypoint_set.names
    return BarTable(
        title="Labelled keypoints, by name",
        note="Share of the people who have the keypoint labelled; in brackets, how many of those are hidden.",
        columns=[entry.split for entry in found.statistics],
        rows=[
            (name, [_keypoint_bar(entry.keypoints[index], entry.people) for entry in found.statistics])
            for index, name in enumerate(names)
        ],
    )


def histograms(found: Inspection) -> list[BarTable]:
    """The groups of people by size, shape, labelled keypoints and company."""
    parts: list[tuple[str, str, Callable[[SplitStatistics], Sequence[Group]]]] = [
        ("Heights of people", "Heights of the annotated boxes in pixels of the image.", lambda entry: entry.heights),
        ("Sizes as COCO counts them", "Small: area below 32², large: from 96² square pixels on.", lambda entry: entry.areas),
        (
            "Shapes of people",
            "Width of a box divided by its height: from 1 on people are wider than tall.",
            lambda entry: entry.aspects,
        ),
        ("Labelled keypoints of a person", "How many people have so many keypoints labelled.", lambda entry: entry.labelled),
        ("People in an image", "How many images have so many people to learn from.", lambda entry: entry.people_per_image),
    ]
    return [
        BarTable(
            title=title,
            note=note,
            columns=[entry.split for entry in found.statistics],
            rows=_group_rows([groups(entry) for entry in found.statistics]),
        )
        for title, note, groups in parts
    ]


def pairs_table(keypoint_set: KeypointSet) -> Table:
    """The keypoints in their order, the one that takes each one's place in a mirror, and the half of the body."""
    names, mirror = keypoint_set.names, keypoint_set.flip_permutation
    return Table(
        title="Keypoints, and which of them change places in a mirrored picture",
        columns=["keypoint", "number", "becomes", "half of the body"],
        rows=[
            [
                name,
                str(index + 1),
                names[mirror[index]] if mirror[index] != index else "itself",
                _half(keypoint_set, index),
            ]
            for index, name in enumerate(names)
        ],
    )


def suspicious_table(found: Inspection, most: int) -> Table:
    """People whose sides contradict each other, at most ``most`` of each split."""
    rows, left = [], 0
    for split in found.data.splits:
        sides = found.sides[split.name]
        for row in sides.suspicious[:most]:
            person = split.people[row]
            rows.append(
                [person.image_path.name, split.name, str(person.annotation_id), "; ".join(map(str, sides.conflicts[row]))]
            )
        left += max(0, len(sides.suspicious) - most)
    return Table(
        title="People whose sides contradict each other",
        columns=["image", "split", "annotation", "why"],
        rows=rows,
        note=f"{left:,} more are listed by --json." if left else "",
    )


def shared_table(found: Inspection, most: int) -> Table:
    """Images that two splits share, at most ``most``."""
    rows = [
        [pair.second.name, second, pair.first.name, first, str(pair.kind)]
        for (first, second), pairs in found.shared.items()
        for pair in pairs
    ]
    return Table(
        title="Images that two splits share",
        columns=["image", "of split", "is also", "of split", "by"],
        rows=rows[:most],
        note=f"{len(rows) - most:,} more are listed by --json." if len(rows) > most else "",
    )


def _keypoint_bar(count: KeypointCount, people: int) -> Bar:
    share = (count.visible + count.hidden) / people
    return Bar(share=share, text=f"{share:.0%} ({count.hidden / max(1, count.visible + count.hidden):.0%})")


def _group_rows(splits: Sequence[Sequence[Group]]) -> list[tuple[str, list[Bar]]]:
    totals = [max(1, sum(group.count for group in groups)) for groups in splits]
    return [
        (
            rows[0].name,
            [
                Bar(share=group.count / total, text=f"{group.count / total:.0%} ({group.count:,})")
                for group, total in zip(rows, totals, strict=True)
            ],
        )
        for rows in zip(*splits, strict=True)
    ]


def _middle(found: Spread, digits: int) -> str:
    return f"{found.median:,.{digits}f} ({found.tenth:,.{digits}f} to {found.ninetieth:,.{digits}f})"


def _half(keypoint_set: KeypointSet, index: int) -> str:
    """The half of the body that a keypoint is of; a dash where halves are not known."""
    if not keypoint_set.has_halves:
        return "–"
    return "upper" if index in keypoint_set.upper_body else "lower"
