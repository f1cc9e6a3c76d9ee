"""Where a search comes from."""

from __future__ import annotations

import subprocess

from dite_search.provenance import git_commit, provenance


def git(folder, *words):
    named = ["-c", "user.name=me", "-c", "user.email=me@localhost"]
    return subprocess.run(
        ["git", "-C", str(folder), *named, *words], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_a_checkout_has_its_commit_and_says_where_files_differ(tmp_path):
    git(tmp_path, "init", "-q")
    assert git_commit(tmp_path) is None
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-q", "-m", "first")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert git_commit(tmp_path) == commit
    (tmp_path / "file").write_text("two")
    assert git_commit(tmp_path) == f"{commit}+changes"
    inside = tmp_path / "site-packages"
    inside.mkdir()
    assert git_commit(inside) is None


def test_versions_and_the_command_are_kept():
    kept = provenance("sqlite:///mlflow.db")
    assert kept["command"].startswith("dite-search")
    assert {"dite-search", "ray", "torch", "optuna", "mlflow", "python", "machine", "started"} <= set(kept)
    assert kept["mlflow_uri"] == "sqlite:///mlflow.db"
