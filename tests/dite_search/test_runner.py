"""How many trials run at once, and where the data of a search comes from."""

from __future__ import annotations

import pytest

from dite_search.runner import concurrency, data_of
from search_spaces.errors import InvalidInput


@pytest.mark.parametrize(
    ("resources", "available", "expected"),
    [
        ({}, {"CPU": 2.0}, 2),
        ({"cpus_per_worker": 2}, {"CPU": 5.0}, 2),
        ({"workers": 2}, {"CPU": 16.0}, 8),
        ({"gpus_per_worker": 0.25}, {"CPU": 64.0, "GPU": 2.0}, 8),
        ({"workers": 8, "gpus_per_worker": 1}, {"CPU": 64.0, "GPU": 8.0}, 1),
    ],
)
def test_trials_at_once_are_what_the_cluster_holds(make_search, resources, available, expected):
    assert concurrency(make_search(resources=resources, trials=100), available) == expected
    assert concurrency(make_search(resources=resources, trials=100, max_concurrent=1), available) == 1


def test_a_trial_that_does_not_fit_shows_the_arithmetic(make_search):
    config = make_search(resources={"workers": 2, "gpus_per_worker": 1})
    with pytest.raises(InvalidInput, match="one trial needs 2 workers x 1 GPU = 2 GPU, but the cluster has 1"):
        concurrency(config, {"CPU": 8.0, "GPU": 1.0})


def test_drawn_data_is_drawn_once_for_all_studies(make_search):
    first, second = data_of(make_search()), data_of(make_search(name="other"))
    assert first == second
    assert first.root.is_relative_to(make_search().study_directory.parent)
    assert len(first.people("val")) >= 8


def test_data_on_disk_is_taken_as_it_is(make_search, tmp_path):
    data = data_of(make_search(data={"root": str(tmp_path), "name": "mine", "val_split": "train", "workers": 3}))
    assert (data.root, data.name, data.val_split, data.workers) == (tmp_path, "mine", "train", 3)
