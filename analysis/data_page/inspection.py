"""A data set looked at: counts, sides, copies and remarks, before any page is written."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from analysis.data_page.duplicates import SharedImage, shared_images
from analysis.data_page.findings import count_notes, front_share, image_notes, shared_notes, sides_notes
from analysis.data_page.reading import DataSet
from analysis.data_page.scanning import ScannedImage
from analysis.data_page.sides import Sides, sides_of
from analysis.data_page.statistics import SplitStatistics, keypoints_of, split_statistics
from search_spaces.families.architecture import format_size
from trainers.data.annotations.notes import DataNote, Severity


@dataclass(frozen=True, kw_only=True, eq=False)
class Inspection:
    """All that a page says of a data set but its pictures of people.

    Args:
        data: The data set.
        input_size: Height and width of the network's input.
        statistics: Counts of each split.
        sides: What left and right look like, by split.
        shared: For each two splits the images that both hold.
        broken: For each split the images that cannot be used.
        notes: All remarks, warnings first.
    """

    data: DataSet
    input_size: tuple[int, int]
    statistics: tuple[SplitStatistics, ...]
    sides: Mapping[str, Sides]
    shared: Mapping[tuple[str, str], tuple[SharedImage, ...]]
    broken: Mapping[str, tuple[ScannedImage, ...]]
    notes: tuple[DataNote, ...]

    @property
    def warnings(self) -> tuple[DataNote, ...]:
        """The remarks that make figures wrong or not comparable."""
        return tuple(note for note in self.notes if note.severity == Severity.WARNING)

    def to_dict(self) -> dict[str, Any]:
        """Return the whole in plain JSON types."""
        keypoint_set = self.data.keypoint_set
        names = keypoint_set.names
        return {
            "data": str(self.data.root),
            "format": self.data.format,
            "input_size": format_size(self.input_size),
            "keypoints": list(names),
            "own_keypoints": self.data.is_own,
            "left_right_pairs": [[names[left], names[right]] for left, right in keypoint_set.flip_pairs],
            "upper_body": [names[index] for index in keypoint_set.upper_body],
            "missing_splits": dict(self.data.missing),
            "notes": [dataclasses.asdict(note) for note in self.notes],
            "splits": {counts.split: dataclasses.asdict(counts) for counts in self.statistics},
            "sides": {name: self._sides(name) for name in self.sides},
            "shared_images": [
                {"kind": pair.kind, first: str(pair.first), second: str(pair.second)}
                for (first, second), pairs in self.shared.items()
                for pair in pairs
            ],
            "broken_images": {
                name: [{"image": str(image.path), "problem": image.problem} for image in images]
                for name, images in self.broken.items()
            },
        }

    def _sides(self, name: str) -> dict[str, Any]:
        found = self.sides[name]
        people = next(split.people for split in self.data.splits if split.name == name)
        return {
            "seen_from_the_front": int((found.torso > 0).sum()),
            "seen_from_behind": int((found.torso < 0).sum()),
            "turn_not_clear": int((found.torso == 0).sum()),
            "front_share": front_share(found),
            "faces": int((found.face != 0).sum()),
            "faces_with_exchanged_eyes": int((found.face < 0).sum()),
            "suspicious": [
                {
                    "image": people[row].image_path.name,
                    "annotation_id": people[row].annotation_id,
                    "why": list(found.conflicts[row]),
                }
                for row in found.suspicious
            ],
        }


def inspect(data: DataSet, scanned: Mapping[str, Sequence[ScannedImage]], input_size: tuple[int, int]) -> Inspection:
    """Look at a data set whose images were decoded, by split."""
    statistics = tuple(split_statistics(split, scanned[split.name], data.keypoint_set, input_size) for split in data.splits)
    sides = {split.name: sides_of(keypoints_of(split), data.keypoint_set) for split in data.splits}
    shared = {
        (first.name, second.name): tuple(shared_images(scanned[first.name], scanned[second.name]))
        for first, second in combinations(data.splits, 2)
    }
    notes = [
        *(
            DataNote(topic="missing split", severity=Severity.WARNING, sentence=f"There is no split {name}: {reason}.")
            for name, reason in data.missing.items()
        ),
        *data.notes,
        *(note for split in data.splits for note in split.notes),
        *(note for (first, second), pairs in shared.items() for note in shared_notes(first, second, pairs)),
        *sides_notes(sides),
        *(
            note
            for split in data.splits
            for note in image_notes(split, scanned[split.name], on_orientation=data.on_orientation)
        ),
        *(note for counts in statistics for note in count_notes(counts)),
    ]
    return Inspection(
        data=data,
        input_size=input_size,
        statistics=statistics,
        sides=sides,
        shared=shared,
        broken={name: tuple(image for image in images if image.problem) for name, images in scanned.items()},
        notes=tuple(sorted(notes, key=lambda note: note.severity != Severity.WARNING)),
    )
