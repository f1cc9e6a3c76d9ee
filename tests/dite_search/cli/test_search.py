"""Commands that run a search: what they say, and end with, where it was paused."""

from __future__ import annotations

import json

import pytest
import yaml

from dite_search.driver.searcher import StudySearch
from dite_search.study.directory import checkpoint_location
from dite_search.study.reader import read_study
from dite_search.study.study import create_study, reopen_running
from tests.dite_search.commands import run
from trainers.checkpoints.location import LAST

pytestmark = pytest.mark.filterwarnings("ignore")

SCORED = {"epoch": 2, "loss": 0.1, "ap_gt": 0.3}
FAILED = {"reason": "burst"}
HALF = {"epoch": 1, "loss": 0.1, "ap_gt": 0.1}


@pytest.fixture
def search(make_search, tmp_path, monkeypatch):
    """The command, with a search in place of its own whose trials end as they are told, after which a pause is asked for."""

    def search(*results, paused=True, words=()):
        def run_search(config, console, pause):
            create_study(config)
            searcher = StudySearch(config, pause=pause)
            begun = [searcher.suggest(str(number)) for number in range(len(results))]
            assert all(isinstance(suggestion, dict) for suggestion in begun)
            if paused:
                pause.ask("Ctrl-C")
            for number, result in enumerate(results):
                if "reason" in result:
                    searcher.on_trial_result(str(number), result)
                else:
                    # Only that it is there counts: what is proposed is not run.
                    checkpoint = checkpoint_location(config, number) / LAST
                    checkpoint.parent.mkdir(parents=True)
                    checkpoint.touch()
                searcher.on_trial_complete(str(number), result)
            reopen_running(config)
            return read_study(config)

        monkeypatch.setattr("dite_search.driver.run_search.run_search", run_search)
        file = tmp_path / "search.yaml"
        file.write_text(yaml.safe_dump(make_search(sampler={"name": "random"}).to_dict()))
        return run("search", file, *words)

    return search


def next_of(result):
    """The commands that are proposed, without the programs' paths."""
    lines = result.stdout.partition("\nNext:\n")[2].splitlines()
    return [line.split()[1] for line in lines]


@pytest.mark.parametrize(
    ("results", "left", "proposed"),
    [
        ([], "3 of 3 trials are left, none of them begun", ["resume", "ui"]),
        ([HALF], "3 of 3 trials are left, 1 of them begun", ["resume", "ui"]),
        ([FAILED], "2 of 3 trials are left, none of them begun", ["resume", "ui"]),
        ([SCORED], "2 of 3 trials are left, none of them begun", ["resume", "export", "ui"]),
        ([SCORED, HALF, SCORED], "1 of 3 trials is left, 1 of them begun", ["resume", "export", "ui"]),
    ],
)
def test_a_paused_search_says_so_and_ends_with_success(search, tmp_path, results, left, proposed):
    result = search(*results)
    assert result.exit_code == 0, (result.output, result.exception)
    assert f"Paused; to go on:  dite-search resume {tmp_path}/runs/small\n{left}\n" in result.stdout
    assert ("No trial has a score yet." in result.stdout) == ("export" not in proposed)
    assert "No trial finished with a score" not in result.stdout
    assert next_of(result) == proposed


def test_a_search_that_ended_beside_a_pause_is_not_paused(search):
    result = search(SCORED, SCORED, FAILED)
    assert result.exit_code == 0
    assert "Paused" not in result.stdout
    assert next_of(result) == ["export", "ui"]


@pytest.mark.slow
@pytest.mark.parametrize("paused", [True, False])
def test_a_search_without_a_score_ends_with_failure_and_proposes_no_export(search, paused):
    result = search(FAILED, FAILED, FAILED, paused=paused)
    assert result.exit_code == 1
    assert "No trial finished with a score; the report says why." in result.stdout
    assert "Paused" not in result.stdout
    assert next_of(result) == ["ui"]


def test_data_tells_of_a_pause_as_well(search):
    result = search(SCORED, HALF, words=["--json"])
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert (found["paused"], found["trials_left"], len(found["front"])) == (True, 2, 1)
    assert "Paused; to go on:" in result.stderr
