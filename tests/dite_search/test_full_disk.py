"""Commands on a study whose disk is full: one sentence each, and the study is what it was."""

from __future__ import annotations

import pytest

from dite_search.config.search_data import data_of
from dite_search.study.reader import read_study
from dite_search.study.study import create_study, open_study
from tests.dite_search.commands import refused
from tests.integration.crashes import small_disk

pytestmark = pytest.mark.filterwarnings("ignore")

FULL = "database or disk is full"
LEASE = f"Error: study small must have one driver, but its database cannot tell: {FULL}"


def test_each_command_says_so_and_harms_nothing(make_search, tmp_path):
    with small_disk(tmp_path / "disk", size="16m") as disk:
        config = make_search(directory=str(disk.folder / "runs"), sampler={"name": "random"})
        data_of(config)
        create_study(config)
        open_study(config).enqueue_trial({})
        folder = config.study_directory
        with disk.full():
            assert refused("resume", folder) == LEASE
            assert refused("extend", folder, "--trials", "2") == LEASE
            assert refused("sync", folder) == LEASE
            assert refused("pause", folder) == LEASE
            other = disk.folder / "runs" / "other"
            file = tmp_path / "other.yaml"
            file.write_text((folder / "search.yaml").read_text().replace("name: small", "name: other"))
            assert "disk space: " in refused("search", file)
            assert not other.exists()
            assert read_study(config).trials == []
        assert len(open_study(config).trials) == 1
