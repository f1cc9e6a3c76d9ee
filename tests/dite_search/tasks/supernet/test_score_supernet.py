"""The scoring of inherited networks as a command runs it: a table of its own, on resume, and what it refuses."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import ray
from rich.console import Console

from dite_search.config.search_config import SearchConfig
from dite_search.supernet.scores import ScoresFile
from dite_search.supernet.summary import summary_of
from dite_search.tasks.supernet import score_supernet
from dite_search.tasks.supernet.score_supernet import score_inherited
from dite_search.tasks.supernet.train_supernet import train_shared_weights
from dite_search.tracking.client import SUPERNET_TAG, tracker_of
from search_spaces.common.errors import InvalidInput
from tests.dite_search.tasks.supernet.test_train_supernet import FILE, search_of

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray"), pytest.mark.filterwarnings("ignore")]


class Killed(Exception):
    """Stands for a process that dies."""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchConfig]:
    text = FILE.replace("epochs: 2,", "epochs: 1, calibration_images: 8, scored: 4,")
    config = search_of(tmp_path_factory.mktemp("studies"), text)
    train_shared_weights(config, restart=False, console=Console(file=io.StringIO()))
    yield config
    ray.shutdown()


def scored(config: SearchConfig, **options: Any) -> tuple[dict[str, Any], str]:
    output = io.StringIO()
    result = score_inherited(config, file="search.yaml", console=Console(file=output, width=200), **options)
    return result, output.getvalue()


def test_a_scoring_that_was_cut_off_goes_on_and_ends_in_one_table(
    config: SearchConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dite_search.tasks.supernet.scoring_actors.NETWORKS_AT_A_TIME", 1)
    append = ScoresFile.append

    def die(file: ScoresFile, networks: Any) -> None:
        append(file, networks)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(ScoresFile, "append", die)
        with pytest.raises(Killed):
            scored(config)
    folder = config.study_directory / "supernet"
    first = ScoresFile(folder).read()
    assert first is not None
    assert len(first.networks) == 1
    result, output = scored(config)
    assert "Scoring 3 networks" in output
    assert "1 have scores already" in output
    assert result["networks"] == 4
    found = ScoresFile(folder).read()
    assert found is not None
    assert found.networks[0] == first.networks[0]
    assert len({each.arch.arch_id for each in found.networks}) == 4
    table = pd.read_csv(folder / "inherited.csv")
    assert len(table) == 4
    assert table["inherited_ap_gt"].between(0, 1).all()
    (run,) = tracker_of(config).find_tagged({SUPERNET_TAG: config.name})
    files = list((config.study_directory.parent).rglob(f"{run.run_id}/artifacts/inherited.csv"))
    assert [file.read_text() for file in files] == [(folder / "inherited.csv").read_text()]
    assert not (config.study_directory / "search.yaml").exists()
    summary = summary_of(folder)
    assert (summary["scored"], summary["figure"], summary["epochs"]) == (4, "inherited_ap_gt", "1 of 1")
    again, output = scored(config)
    assert again == result
    assert "All 4 networks have scores" in output
    again, output = scored(config.replaced({"mlflow_url": "http://127.0.0.1:9"}, "test"))
    assert again == result
    (line,) = (line for line in output.splitlines() if "MLflow" in line)
    assert line.startswith("MLflow lacks the table of scores: mlflow_url http://127.0.0.1:9 cannot be reached")


def test_scores_are_of_one_calibration(config: SearchConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    other = config.replaced({"supernet": {"calibration_images": 9}}, "test")
    ScoresFile(config.study_directory / "supernet").begin(
        score_supernet.scores_identity(config, score_supernet.trained_supernet(config, file="f", console=Console())),
        again="",
    )
    with pytest.raises(InvalidInput, match=r"must be of the same calibration_images to go on with them, 9, got 8: --r"):
        scored(other)
    monkeypatch.setattr(score_supernet, "score_on_actors", lambda *args, **kwargs: (_ for _ in ()).throw(Killed))
    with pytest.raises(Killed):
        scored(other, restart=True)
    assert (config.study_directory / "supernet" / "earlier-1-inherited.jsonl").is_file()


def test_weights_that_are_missing_or_half_trained_are_refused(config: SearchConfig, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"must be trained before networks are scored, but .* has none: dite-"):
        scored(config.replaced({"name": "nothing", "directory": str(tmp_path)}, "test"))
    with pytest.raises(InvalidInput, match=r"must have supernet epochs 3 to go on from it, got 1"):
        scored(config.replaced({"supernet": {"epochs": 3}}, "test"))
