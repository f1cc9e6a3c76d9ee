"""Where the data of a search comes from."""

from __future__ import annotations

from dite_search.search_data import data_of


def test_drawn_data_is_drawn_once_for_all_studies(make_search):
    first, second = data_of(make_search()), data_of(make_search(name="other"))
    assert first == second
    assert first.root.is_relative_to(make_search().study_directory.parent)
    assert len(first.people("val")) >= 8


def test_data_on_disk_is_taken_as_it_is(make_search, tmp_path):
    data = data_of(make_search(data={"root": str(tmp_path), "name": "mine", "val_split": "train", "workers": 3}))
    assert (data.root, data.name, data.val_split, data.workers) == (tmp_path, "mine", "train", 3)
