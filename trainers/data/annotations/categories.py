"""The categories of an annotation file, and which of them people are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.json_fields import field, shown
from trainers.data.annotations.keypoint_order import listed_names, plain_name
from trainers.data.annotations.keypoints import KeypointSet

PERSON_CATEGORY = 1
"""The number of the category "person" in every keypoint file of COCO, and in all results."""
PERSON_NAME = "person"
MAX_CATEGORIES = 8
"""Categories that a message lists before it counts the others."""


@dataclass(frozen=True, kw_only=True)
class Category:
    """One kind of thing that annotations are of.

    Args:
        category_id: Its number in the file.
        name: Its name, empty where the file gives none.
        keypoints: The names of its keypoints in the order of the annotations, empty where the file gives none.
        place: Where it stands in the file, as a message says it.
    """

    category_id: int
    name: str = ""
    keypoints: tuple[str, ...] = ()
    place: str = ""

    @property
    def label(self) -> str:
        """The number and the name, as messages show them."""
        return f"{self.category_id} ({listed_names([self.name])})" if self.name else str(self.category_id)

    @property
    def is_named_person(self) -> bool:
        """Whether its name says that it is of people."""
        return plain_name(self.name) == PERSON_NAME


def read_categories(document: Mapping[str, Any], file: Path) -> dict[int, Category]:
    """Return the categories that a document lists, by id; none where the list is absent.

    Raises:
        InvalidInput: an entry breaks a rule, or two entries of one id differ.
    """
    found: dict[int, Category] = {}
    entries = field(document, "categories", list, str(file)) if document.get("categories") is not None else []
    for number, entry in enumerate(entries):
        category = _category(entry, f"categories[{number}] of {file}")
        earlier = found.setdefault(category.category_id, category)
        if (earlier.name, earlier.keypoints) != (category.name, category.keypoints):
            raise InvalidInput(
                f"categories of {file} must each have an id of its own, got {category.category_id} for"
                f" {listed_names([earlier.name, category.name])}"
            )
    return found


def person_category(
    categories: Mapping[int, Category],
    posed: Collection[int],
    fitting: Collection[int],
    keypoint_set: KeypointSet,
    file: Path,
    *,
    chosen: str | int | None = None,
) -> Category | None:
    """Return the category of people, or None where no category can be of people.

    Name and keypoints decide, whatever the id. Without names COCO's number holds.

    Args:
        categories: Every category that the file lists or that an annotation has, by id.
        posed: The ids whose annotations have labelled keypoints.
        fitting: Those of them whose annotations have as many keypoints as the set.
        keypoint_set: The keypoints of the format.
        file: The annotation file, for messages.
        chosen: The name or the id that the user gives.

    Raises:
        InvalidInput: several categories can be of people, or the chosen one is not there.
    """
    if chosen is not None:
        return _chosen(categories, chosen, file)
    wanted = sorted(map(plain_name, keypoint_set.file_names or keypoint_set.names))
    # From the surest sign to the weakest: the first that some category shows decides.
    signs: tuple[Callable[[Category], bool], ...] = (
        lambda category: category.is_named_person and bool(category.keypoints),
        lambda category: category.is_named_person and category.category_id in posed,
        lambda category: sorted(map(plain_name, category.keypoints)) == wanted,
        lambda category: not category.keypoints and category.category_id in fitting,
        lambda category: bool(category.keypoints),
        lambda category: category.is_named_person,
        lambda category: category.category_id in posed,
    )
    for sign in signs:
        candidates = [category for category in categories.values() if sign(category)]
        if len(candidates) > 1:
            candidates = [category for category in candidates if category.category_id in posed] or candidates
        if len(candidates) > 1 and not any(category.name for category in categories.values()):
            candidates = [category for category in candidates if category.category_id == PERSON_CATEGORY] or candidates
        if len(candidates) > 1:
            raise InvalidInput(
                f"{file} must have one category of people, got {len(candidates)} that may be:"
                f" {listed_categories(candidates)}; data.category or --category, a name or an id, chooses"
            )
        if candidates:
            return candidates[0]
    return categories.get(PERSON_CATEGORY) if not any(category.name for category in categories.values()) else None


def listed_categories(categories: Collection[Category]) -> str:
    """Return categories as a message lists them."""
    labels = [category.label for category in categories]
    more = len(labels) - MAX_CATEGORIES
    return ", ".join(labels[:MAX_CATEGORIES]) + (f" and {more} more" if more > 0 else "")


def _chosen(categories: Mapping[int, Category], chosen: str | int, file: Path) -> Category:
    named = [category for category in categories.values() if isinstance(chosen, str) and category.name == chosen]
    if isinstance(chosen, str) and not named:
        named = [category for category in categories.values() if plain_name(category.name) == plain_name(chosen)]
    if not named:
        text = str(chosen).strip()
        named = [category for category in categories.values() if str(category.category_id) == text]
    if len(named) != 1:
        problem = f"got {shown(chosen)}, which {len(named)} have" if named else f"got {shown(chosen)}"
        raise InvalidInput(
            f"category must be the name or the id of one category in {file}, {problem};"
            f" it has {listed_categories(list(categories.values())) or 'none'}"
        )
    return named[0]


def _category(entry: Any, where: str) -> Category:
    category_id: int = field(entry, "id", int, where)
    name = field(entry, "name", str, where) if entry.get("name") is not None else ""
    keypoints = field(entry, "keypoints", list, where) if entry.get("keypoints") is not None else []
    wrong = [value for value in keypoints if not isinstance(value, str)]
    if wrong:
        raise InvalidInput(f"'keypoints' of {where} must be names, got {shown(wrong[0])}")
    return Category(category_id=category_id, name=name, keypoints=tuple(keypoints), place=where)
