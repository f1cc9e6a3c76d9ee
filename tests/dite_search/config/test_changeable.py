"""The fields that may change in a study are fields of the search file."""

from __future__ import annotations

from dite_search.config.changeable import CHANGEABLE
from dite_search.config.reference_page import SECTIONS
from search_spaces.training_config import TrainConfig


def test_every_name_is_a_field_or_a_section() -> None:
    fields = set(SECTIONS["The search"].model_fields)
    fields |= {f"{title}.{name}" for title, section in SECTIONS.items() for name in section.model_fields}
    fields |= {f"training.{name}" for name in TrainConfig().to_dict()}
    assert set(CHANGEABLE) <= fields
    assert all(meaning for meaning in CHANGEABLE.values())


def test_what_makes_scores_comparable_may_not_change() -> None:
    assert {"space", "objectives", "training.epochs", "training.learning_rate", "data.val_split", "seed"}.isdisjoint(
        CHANGEABLE
    )
