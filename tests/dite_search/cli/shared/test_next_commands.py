"""The commands that a search advises at its end work as the study stands."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.pareto.budget_filter import allows
from analysis.pareto.selection import choose
from dite_search.cli.shared import next_commands
from dite_search.cli.shared.next_commands import commands_after, export_options, mlflow_command
from dite_search.study.reader import read_study
from dite_search.study.study import create_study, extend_study
from dite_search.tracking.client import tracker_of
from dite_search.tracking.mirror import Mirror
from dite_search.tracking.source import StudySource
from search_spaces.space.budget import Budget, Constraint
from tests.analysis.studies import study, trial
from tests.dite_search.commands import run


def words_of(commands: list[str]) -> list[list[str]]:
    return [shlex.split(command, comments=True) for command in commands]


def record(*trials, config):
    return study(list(trials), directory=config.study_directory, objectives=("ap_gt", "mmacs"))


def test_a_finished_search_is_exported_and_looked_at(make_search):
    config = make_search(trials=2)
    found = words_of(commands_after(record(trial(0, ap=0.4), trial(1, ap=0.5), config=config), config))
    assert [words[1] for words in found] == ["export", "ui"]
    assert found[0][2:] == [str(config.study_directory), "--max-mmacs", "4.2"]


@pytest.mark.parametrize("status", ["failed", "stopped", "running", "waiting"])
def test_no_export_is_advised_where_no_trial_is_complete(status, make_search):
    config = make_search(trials=1)
    found = words_of(commands_after(record(trial(0, status=status, reason="x"), config=config), config))
    left = status in ("running", "waiting")
    assert [words[1] for words in found] == (["resume", "ui"] if left else ["ui"])
    assert all(str(config.study_directory) == words[2] for words in found if words[1] == "resume")


def test_no_export_is_advised_where_no_network_has_learned_anything(make_search):
    config = make_search(trials=2)
    found = words_of(commands_after(record(trial(0, ap=0.0), trial(1, ap=0.009), config=config), config))
    assert [words[1] for words in found] == ["ui"]


def test_an_export_is_advised_within_the_budget_of_the_search(make_search):
    config = make_search(trials=2, budget=["mmacs <= 4.5", "params <= 1M"])
    found = words_of(commands_after(record(trial(0, ap=0.4), trial(1, ap=0.5), config=config), config))
    assert found[0][3:] == ["--max-mmacs", "4.5", "--max-params", "1000000"]


def test_commands_are_quoted_for_a_shell(make_search, tmp_path):
    config = make_search(trials=2, directory=str(tmp_path / "my runs; 1"))
    (export, served) = commands_after(record(trial(0, ap=0.4), trial(1, ap=0.5), config=config), config)
    assert shlex.split(export)[2] == str(config.study_directory)
    assert shlex.split(served, comments=True)[-1] == f"sqlite:///{tmp_path / 'my runs; 1' / 'mlflow.db'}"


def test_a_checkpoint_that_is_gone_is_not_advised(make_search):
    config = make_search(trials=1)
    found = words_of(commands_after(record(trial(0, ap=0.4, checkpoint=None), config=config), config))
    assert [words[1] for words in found] == ["ui"]


LIMITS = st.dictionaries(st.sampled_from(["mmacs", "params", "latency_ms", "mmacs_paper"]), st.floats(0.5, 1e6), max_size=3)


@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from(["complete", "failed"])), max_size=6), LIMITS)
def test_what_is_advised_finds_a_network_within_the_budget(scores, limits):
    trials = [trial(n, ap=ap if status == "complete" else None, status=status) for n, (ap, status) in enumerate(scores)]
    found = study(trials, objectives=("ap_gt", "mmacs"))
    budget = Budget(constraints=tuple(Constraint(cost=name, limit=limit) for name, limit in limits.items()))
    options = export_options(found, budget)
    complete = [record for record in trials if record.status == "complete" and allows(budget, record)]
    assert not options or any(record.values["ap_gt"] >= 0.01 for record in complete)
    if any(record.values["ap_gt"] >= 0.01 for record in complete):
        assert options
    if options:
        pairs = zip(options[::2], options[1::2], strict=True)
        given = {name.removeprefix("--").removeprefix("max-").replace("-", "_"): float(text) for name, text in pairs}
        chosen = choose(found, trial=int(given["trial"])) if "trial" in given else choose(found, limits=given)
        assert allows(budget, chosen)


def test_a_server_has_its_page_and_a_password_is_not_shown(make_search):
    assert mlflow_command(make_search(mlflow_url="http://host:5000")) == ""
    command = mlflow_command(make_search(mlflow_url="postgresql://me:secret@host/runs"))
    assert shlex.split(command, comments=True)[-1] == "postgresql://***@host/runs"
    assert "secret" not in command
    assert command.endswith("# then open http://127.0.0.1:5000, with the user and password in place of ***")


def test_the_address_is_that_of_the_very_run(make_search):
    config = make_search()
    create_study(config)
    tracker = tracker_of(config)
    Mirror(tracker, StudySource(config)).reconcile()
    (run,) = tracker.find_runs(StudySource(config).tag)
    address = f"http://127.0.0.1:5000/#/experiments/{tracker.experiment}/runs/{run.run_id}?workflowType=machine_learning"
    assert mlflow_command(config).endswith(f"   # then open {address}")


def test_a_report_after_extend_says_how_many_trials_are_asked_for_now(make_search, monkeypatch):
    config = make_search(trials=2)
    create_study(config)

    def extended(config, console, pause, *, more):
        extend_study(config, {"trials": config.trials + more.trials})
        return read_study(config)

    monkeypatch.setattr("dite_search.driver.run_search.resume_search", extended)
    monkeypatch.setattr(next_commands, "mlflow_command", lambda config: "")
    result = run("extend", config.study_directory, "--trials", 1)
    assert "search: trials asked for | 3 |" in (config.study_directory / "report" / "summary.md").read_text()
    assert "export" not in result.output
    assert shlex.split(result.output.strip().splitlines()[-1])[1:] == ["resume", str(config.study_directory)]
