"""Replays: the simulated clock, what counts, and that a replay is the search that Ray Tune would run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.storages import InMemoryStorage
from ray import tune
from ray.tune.schedulers import FIFOScheduler

from analysis.pareto.front import hypervolume
from dite_search.driver.ray_session import start_ray
from dite_search.driver.scheduler import ParetoScheduler, scheduler_of
from dite_search.driver.searcher import StudySearch
from dite_search.simulation.simulator import Simulation, replay, replayed_config
from dite_search.simulation.tabular_benchmark import load_table
from dite_search.study.reader import read_study
from dite_search.study.study import create_study
from search_spaces.common.errors import InvalidInput
from tests.dite_search.commands import refused, run
from tests.dite_search.tables import A, B, C, D, write_folder
from tests.profiles import examples

FOUR = ((A, 0, (0.1, 0.2), 3.0), (B, 0, (0.1, 0.3), 2.0), (C, 0, (0.1, 0.4), 4.0), (D, 0, (0.1, 0.5), 1.0))
HALVED = (
    (A, 0, (0.3, 0.4, 0.5, 0.5), 1.0),
    (B, 0, (0.2, 0.6, 0.7, 0.9), 1.0),
    (C, 0, (0.4, 0.5, 0.6, 0.6), 1.0),
    (D, 0, (0.1, 0.5, 0.6, 0.7), 1.0),
)
"""At the first epoch A and C are on the front; B and D, which would end as the best, are dominated."""


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return load_table(write_folder(tmp_path_factory.mktemp("tables") / "drawn", *FOUR))


@pytest.fixture(scope="module")
def halved(tmp_path_factory):
    """Decisions at epochs 1 and 2 of 4, where half of the trials go on."""
    scheduler = {"name": "pareto", "grace_period": 1, "reduction_factor": 2.0}
    return load_table(write_folder(tmp_path_factory.mktemp("tables") / "halved", *HALVED, scheduler=scheduler))


def part_of(table, *points) -> float:
    """The fraction of the hypervolume that some networks have."""
    networks = [table.config.search_space.build(point).arch_id for point in points]
    return hypervolume(table.matrix(networks), table.reference, table.directions) / table.hypervolume


def simulated(config, curve_of, storage=None, **limits) -> Simulation:
    """A search of one worker, ready to run."""
    storage = storage or InMemoryStorage()
    create_study(config, storage=storage)
    return Simulation(config, curve_of, workers=1, storage=storage, **limits)


def test_workers_run_side_by_side_on_the_recorded_clock(table):
    """Two workers, the networks in the order of the grid; a dot is an epoch that ends.

    second   1   2   3   4   5   6   7   8   9  10  11  12
    first    A . . . A . . D D                              A: 3 s an epoch, D: 1 s
    second   B . B . C . . . C . . . C                      B: 2 s, C: 4 s

    At second 8 C ends its first epoch and D its last; C began first.
    """
    result = replay(table, table.config, workers=2, seed=0)
    assert result.epochs.tolist() == [0, 3, 4, 7, 8]
    assert result.seconds.tolist() == [0.0, 4.0, 6.0, 8.0, 12.0]
    parts = [0.0, *(part_of(table, *points) for points in ([B], [B, A], [B, A, D], [B, A, D, C]))]
    assert result.fractions.tolist() == parts
    assert parts[-1] == 1.0
    assert result.trials == {"complete": 4, "stopped": 0, "failed": 0, "running": 0}
    assert (result.spent, result.over_budget) == (8, 0)


def test_one_worker_takes_one_training_after_the_other(table):
    result = replay(table, table.config, workers=1, seed=0)
    assert result.epochs.tolist() == [0, 2, 4, 6, 8]
    assert result.seconds.tolist() == [0.0, 6.0, 10.0, 18.0, 20.0]


def test_more_workers_than_networks_take_as_long_as_the_longest(table):
    assert replay(table, table.config, workers=50, seed=0).seconds[-1] == 8.0


def test_epochs_to_a_fraction(table):
    result = replay(table, table.config, workers=2, seed=0)
    assert result.epochs_to(part_of(table, B)) == 3
    assert result.epochs_to(part_of(table, B) + 1e-9) == 4
    assert result.epochs_to(1.0) == 8
    assert replay(table, table.config, workers=2, max_epochs=7, seed=0).epochs_to(1.0) is None


def test_a_replay_ends_when_its_epochs_are_spent(table):
    result = replay(table, table.config, workers=2, max_epochs=5, seed=0)
    assert (result.spent, result.epochs.tolist()) == (5, [0, 3, 4])
    assert result.trials == {"complete": 2, "stopped": 0, "failed": 0, "running": 2}


def test_a_replay_ends_when_its_target_is_reached(table):
    result = replay(table, table.config, workers=2, target=part_of(table, B, A), seed=0)
    assert result.spent == 4
    assert result.fractions[-1] == part_of(table, B, A)


def test_a_replay_ends_after_so_many_trainings(table):
    result = replay(table, table.config, workers=2, max_trials=3, seed=0)
    assert (result.spent, result.trials["complete"]) == (6, 3)


def test_a_table_without_times_counts_epochs():
    table = load_table("table5")
    result = replay(table, table.config, workers=4, seed=0)
    assert result.seconds[-1] == 4 * 270
    assert result.epochs[-1] == 16 * 270
    assert result.fractions[-1] == 1.0
    assert replay(table, table.config, workers=1, max_epochs=600, seed=0).spent == 540, "two whole trainings"


def test_stopped_trainings_never_count(halved):
    """One worker: A runs to its end; B, then D, is stopped after an epoch; C is on the front of each rung."""
    result = replay(halved, halved.config, workers=1, max_trials=4, seed=0)
    assert result.trials == {"complete": 2, "stopped": 2, "failed": 0, "running": 0}
    assert result.epochs.tolist() == [0, 4, 5, 9, 10]
    parts = [part_of(halved, A), part_of(halved, A, C)]
    assert result.fractions.tolist() == [0.0, parts[0], parts[0], parts[1], parts[1]]
    assert parts[1] < part_of(halved, A, B, C) == 1.0
    assert result.epochs_to(1.0) is None
    unscheduled = replayed_config(halved, {"scheduler": {"name": "none"}})
    assert replay(halved, unscheduled, workers=1, seed=0).fractions[-1] == 1.0


def test_what_was_stopped_goes_on_at_the_end_and_no_epoch_is_trained_twice(halved):
    result = replay(halved, halved.config, workers=1, seed=0)
    assert result.trials["complete"] == len(halved)
    assert result.trials["stopped"] >= 2
    assert result.spent == len(halved) * 4
    assert result.seconds[-1] == result.spent, "an epoch of each curve takes a second"
    assert result.fractions[-1] == pytest.approx(1.0)


def test_a_stopped_training_that_goes_on_takes_the_epochs_that_are_left(halved):
    """When nothing new is left, B and D go on, as often as it takes; no epoch of the 16 is trained twice."""
    result = replay(halved, halved.config, workers=1, seed=0)
    assert result.trials["complete"] == 4
    assert result.trials["stopped"] >= 2
    assert result.epochs.tolist()[:5] == [0, 4, 5, 9, 10]
    assert result.seconds.tolist() == result.epochs.tolist(), "an epoch takes a second"
    assert (result.spent, result.fractions[-1]) == (16, 1.0)


def test_the_searcher_is_not_told_the_result_that_stops_a_trial_but_that_it_ended(halved, monkeypatch):
    calls = []
    for owner, name in (
        (ParetoScheduler, "on_trial_add"),
        (ParetoScheduler, "on_trial_result"),
        (ParetoScheduler, "on_trial_complete"),
        (StudySearch, "on_trial_result"),
        (StudySearch, "on_trial_complete"),
    ):
        real = getattr(owner, name)

        def noted(self, *arguments, real=real, name=f"{owner.__name__}.{name}", **named):
            calls.append(name)
            return real(self, *arguments, **named)

        monkeypatch.setattr(owner, name, noted)
    replay(halved, halved.config, workers=1, max_trials=2, seed=0)
    told = ["ParetoScheduler.on_trial_result", "StudySearch.on_trial_result"]
    ended = ["ParetoScheduler.on_trial_complete", "StudySearch.on_trial_complete"]
    first = ["ParetoScheduler.on_trial_add", *4 * told, *ended]
    assert calls == [*first, "ParetoScheduler.on_trial_add", "ParetoScheduler.on_trial_result", *ended]


@pytest.mark.parametrize(("scheduler", "kind"), [("pareto", ParetoScheduler), ("none", FIFOScheduler)])
def test_the_searcher_and_the_scheduler_are_those_of_a_search(halved, scheduler, kind):
    config = replayed_config(halved, {"scheduler": {"name": scheduler}, "sampler": {"name": "nsga2"}})
    simulation = simulated(config, lambda arch, repeat: halved.curve(arch.arch_id))
    assert type(simulation.searcher) is StudySearch
    assert type(simulation.scheduler) is kind
    assert isinstance(simulation.searcher._study.sampler, optuna.samplers.NSGAIISampler)


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
def test_ray_tune_runs_the_same_search(halved, tmp_path):
    """The same trials with the same ends, epoch by epoch, from Tune's own loop with a trainable that follows the curves."""
    sampler = {"name": "nsga2", "population": 3}
    config = replayed_config(halved, {"sampler": sampler, "reuse": False, "seed": 4, "directory": str(tmp_path)})
    storage, trials = InMemoryStorage(), 8
    simulation = simulated(config, lambda arch, repeat: halved.curve(arch.arch_id), storage, max_trials=trials)
    ended = [training.status for training in simulation.run()]
    assert sorted(set(ended)) == ["complete", "stopped"]
    curves = {
        json.dumps(point, sort_keys=True): [dict(metrics) for metrics in halved.curve(arch_id)]
        for arch_id, point in halved.points.items()
    }

    def train(suggestion):
        for metrics in curves[json.dumps(suggestion["point"], sort_keys=True)]:
            tune.report(metrics)

    create_study(config)
    start_ray()
    tune.Tuner(
        tune.with_resources(train, {"CPU": 1}),
        tune_config=tune.TuneConfig(
            search_alg=StudySearch(config),
            scheduler=scheduler_of(config),
            num_samples=trials,
            max_concurrent_trials=1,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(name="ray", storage_path=str(tmp_path), verbose=0),
    ).fit()
    replayed = optuna.load_study(study_name=config.name, storage=storage).get_trials()
    for ours, record in zip(replayed, read_study(config).trials, strict=True):
        assert ours.number == record.number
        assert ours.params == record.parameters
        assert {"COMPLETE": "complete", "PRUNED": "stopped"}[ours.state.name] == record.status
        epochs = [value for name, value in sorted(ours.user_attrs.items()) if name.startswith("epoch:")]
        assert epochs == record.curve


@pytest.mark.parametrize("sampler", ["random", "tpe", "nsga2"])
def test_the_same_seed_gives_the_same_replay(halved, sampler):
    config = replayed_config(halved, {"sampler": {"name": sampler}, "reuse": False})
    first, again, other = (replay(halved, config, workers=3, max_trials=20, seed=seed) for seed in (1, 1, 2))
    for name in ("epochs", "seconds", "fractions"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
    assert first.trials == again.trials
    assert not (np.array_equal(first.epochs, other.epochs) and np.array_equal(first.fractions, other.fractions)), (
        "the seed is the sampler's"
    )


@examples(20)
@given(seed=st.integers(0, 1000), workers=st.integers(1, 6), trials=st.integers(1, 15))
def test_plain_search_spends_every_epoch_of_every_trial(table, seed, workers, trials):
    config = replayed_config(table, {"sampler": {"name": "random"}, "scheduler": {"name": "none"}, "reuse": False})
    result = replay(table, config, workers=workers, max_trials=trials, seed=seed)
    assert result.spent == result.epochs[-1] == trials * 2
    assert result.trials == {"complete": trials, "stopped": 0, "failed": 0, "running": 0}
    assert result.reused == 0
    assert (np.diff(result.epochs) >= 0).all()
    assert (np.diff(result.seconds) >= 0).all()
    assert (np.diff(result.fractions) >= 0).all()
    assert 0 < result.fractions[-1] <= 1


@pytest.mark.parametrize("sampler", ["random", "nsga2", "tpe"])
def test_with_reuse_every_network_is_trained_once_and_then_the_replay_ends(table, sampler):
    config = replayed_config(table, {"sampler": {"name": sampler}})
    result = replay(table, config, workers=2, seed=4)
    assert (result.spent, result.trials["complete"]) == (8, 4)
    assert result.fractions[-1] == 1.0
    assert result.reused > 0


def test_networks_over_the_budget_are_not_trained_and_not_missed(table):
    dearest = max(finals["mmacs"] for finals in table.finals.values())
    config = replayed_config(table, {"sampler": {"name": "random"}, "budget": [f"mmacs <= {dearest - 0.01:.6f}"]})
    result = replay(table, config, workers=2, seed=0)
    assert (result.spent, result.trials["complete"]) == (6, 3)
    assert result.over_budget > 0
    assert result.fractions[-1] == 1.0, "of what the budget allows"
    assert part_of(table, A, B, C) < 1.0


def test_repeated_trainings_follow_the_recorded_seeds(tmp_path):
    more = [(point, seed, (0.1, 0.2 + seed / 10), 1.0) for point in (A, B, C, D) for seed in (0, 1)]
    table = load_table(write_folder(tmp_path / "drawn", *more))
    asked = []

    def curve_of(arch, repeat):
        asked.append((arch.arch_id, repeat))
        return table.curve(arch.arch_id, repeat)

    config = replayed_config(table, {"sampler": {"name": "random"}, "repeats": 3, "seed": 11})
    ended = list(simulated(config, curve_of).run())
    assert len(ended) == 12
    assert sorted(asked) == [(arch_id, repeat) for arch_id in sorted(table.points) for repeat in range(3)]


def test_only_what_was_recorded_is_replayed(tmp_path):
    table = load_table(write_folder(tmp_path / "drawn", *FOUR[1:3]))
    for sampler in ("random", "tpe"):
        config = replayed_config(table, {"sampler": {"name": sampler}})
        result = replay(table, config, workers=2, seed=0)
        assert (result.trials["complete"], result.trials["running"]) == (2, 0)
        assert result.fractions[-1] == 1.0


def test_results_that_a_search_starts_from_cost_nothing(table, tmp_path, make_search):
    earlier = replayed_config(table, {"name": "earlier", "directory": str(tmp_path), "sampler": {"name": "random"}})
    create_study(earlier)
    search = StudySearch(earlier)
    point = search.suggest("t")["point"]
    for metrics in table.curve(earlier.search_space.build(point).arch_id):
        search.on_trial_result("t", dict(metrics))
    search.on_trial_complete("t", dict(metrics))
    config = replayed_config(
        table, {"directory": str(tmp_path), "sampler": {"name": "random"}, "warm_start": {"studies": ["earlier"]}}
    )
    result = replay(table, config, workers=1, seed=0)
    assert result.fractions[0] == part_of(table, point) > 0
    assert result.epochs_to(part_of(table, point)) == 0
    assert (result.spent, result.fractions[-1]) == (6, 1.0)


def test_nothing_is_written(table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    replay(table, table.config, workers=2, seed=0)
    assert list(tmp_path.iterdir()) == []
    assert not Path(table.config.directory).exists()


def test_fields_of_the_recorded_search_are_replaced(halved):
    config = replayed_config(halved, {"scheduler": {"reduction_factor": 3.0}, "seed": 7, "budget": ["params <= 1M"]})
    assert config.scheduler.model_dump() == {"name": "pareto", "grace_period": 1, "reduction_factor": 3.0}
    assert (config.seed, config.budget) == (7, ("params <= 1M",))
    assert config.search_space == halved.config.search_space
    with pytest.raises(InvalidInput, match=r"^table drawn: sampler\.name: unknown sampler 'nsga4': did you mean 'nsga"):
        replayed_config(halved, {"sampler": {"name": "nsga4"}})


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"workers": 0}, "workers must be at least 1, got 0"),
        ({"max_epochs": 0}, "max_epochs must be at least 1, got 0"),
        ({"max_trials": -1}, "max_trials must be at least 1, got -1"),
        ({"target": 0.0}, "target must be a fraction above 0 and at most 1, got 0.0"),
        ({"target": 1.5}, "target must be a fraction above 0 and at most 1, got 1.5"),
    ],
)
def test_numbers_out_of_range(table, arguments, sentence):
    with pytest.raises(InvalidInput) as caught:
        replay(table, table.config, **({"workers": 1, "seed": 0} | arguments))
    assert str(caught.value) == sentence


def test_a_replay_that_nothing_would_end(table):
    config = replayed_config(table, {"sampler": {"name": "random"}, "reuse": False})
    with pytest.raises(InvalidInput, match=r"max_epochs or max_trials must be given where reuse is false"):
        replay(table, config, workers=1, target=0.5, seed=0)


def test_a_budget_that_no_recorded_network_meets(table):
    config = replayed_config(table, {"budget": ["mmacs <= 0.1", "params <= 5"]})
    with pytest.raises(InvalidInput) as caught:
        replay(table, config, workers=1, seed=0)
    rule = "budget mmacs <= 0.1 and params <= 5 must be met by a network of table drawn, but none meets it"
    assert str(caught.value) == rule


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("tables") / "drawn", *FOUR)


def test_the_command_says_what_was_reached_and_that_nothing_was_trained(folder):
    output = run("replay", folder, "--sampler", "grid", "--workers", 2, "--seeds", 3).output
    lines = [line.split() for line in output.splitlines()]
    assert output.startswith("Replay of drawn: 4 recorded networks, 2 epochs each. Nothing was trained.\n")
    assert "sampler grid, scheduler none, reuse on, budget none, 2 workers, 3 seeds, at most 80 epochs" in output
    assert ["99%", "8", "(8", "to", "8)", "0", "of", "3", "seeds"] in lines
    assert ["trainings", "4", "(4", "to", "4)"] in lines
    assert any(line[:2] == ["simulated", "hours"] for line in lines)
    assert "trainings a second" in lines[-1] or " ".join(lines[-1][1:]) == "trainings a second"


def test_the_command_as_json(folder):
    words = ("--sampler", "random", "--scheduler", "none", "--no-reuse", "--seeds", 5, "--epochs", 4, "--workers", 1)
    result = json.loads(run("replay", folder, *words, "--json").output)
    assert (result["sampler"], result["scheduler"], result["reuse"], result["max_epochs"]) == ("random", "none", False, 4)
    last = result["hypervolume"][-1]
    assert [part["fraction"] for part in result["hypervolume"]] == [0.5, 0.9, 0.95, 0.99]
    assert (last["never"], last["epochs"]) == (5, {"lower_quartile": None, "median": None, "upper_quartile": None})
    assert result["epochs"] == {"lower_quartile": 4, "median": 4, "upper_quartile": 4}
    assert result["trainings"]["median"] == 2
    assert result["simulated_hours"]["median"] > 0
    assert result["trainings_per_second"] > 0


def test_the_command_on_the_published_table():
    output = run("replay", "table5", "--sampler", "random", "--seeds", 2).output
    assert output.startswith("Replay of table5: 16 recorded networks, 270 epochs each. Nothing was trained.\n")
    assert "hours" not in output, "no times are published"


def test_a_grid_is_replayed_with_the_default_sampler(folder):
    result = json.loads(run("replay", folder, "--seeds", 1, "--json").output)
    assert result["sampler"] == type(load_table(folder).config.sampler)().name != "grid"


def test_mistakes(folder):
    assert "study 'nothing' does not exist" in refused("replay", "nothing")
    assert refused("replay", folder, "--sampler", "rendom").startswith(
        "Error: table drawn: sampler.name: unknown sampler 'rendom': did you mean 'random'?"
    )
    assert "unknown scheduler 'asha'" in refused("replay", folder, "--scheduler", "asha")
    assert "Invalid value for '--workers'" in refused("replay", folder, "--workers", 0)
    assert "a limit must be written like 'mmacs <= 250'" in refused("replay", folder, "--budget", "mmacs < 3")
    assert "must be met by a network of table drawn, but none meets it" in refused(
        "replay", folder, "--budget", "mmacs <= 0.1"
    )
