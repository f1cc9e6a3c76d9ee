"""A large search, simulated: a thousand workers, every network trained once, and little memory for each."""

from __future__ import annotations

import pytest
from optuna.storages import InMemoryStorage

from benchmarks.driver.bookkeeping import BLOCK, filled, growth, search
from dite_search.study.attributes import ARCH_ID, REUSED
from tests.profiles import by_profile

TRIALS = by_profile(3_000, 10_000)
WORKERS = 1000


@pytest.mark.slow
@pytest.mark.longer
def test_a_thousand_workers(tmp_path):
    storage = InMemoryStorage()
    config = search("random", 0, 10, str(tmp_path))
    _, readings = filled(storage, config, trials=TRIALS, workers=WORKERS)
    assert [reading.trials for reading in readings] == list(range(0, TRIALS + 1, BLOCK))
    kept = storage.get_all_trials(storage.get_study_id_from_name(config.name), deepcopy=False)
    trained = [trial.user_attrs[ARCH_ID] for trial in kept if trial.state.is_finished() and REUSED not in trial.user_attrs]
    assert len(set(trained)) == len(trained) >= TRIALS
    # 8.5 MiB were measured for 10,000.
    assert growth(readings) < 40
