"""MLflow in a file and as a server, whatever it answers."""

from __future__ import annotations

import json
import sqlite3

from dite_search.doctor.databases import mlflow_scripts, study_findings
from dite_search.doctor.findings import FAILED, OK, WARNING
from dite_search.doctor.tracking_server import answer_findings, mlflow_findings
from dite_search.tracking.client import Tracker
from tests.dite_search.servers import PASSWORD
from tests.ports import free_port


def test_mlflow_in_a_file(make_search):
    config = make_search()
    file = config.study_directory.parent / "mlflow.db"
    file.parent.mkdir(parents=True)
    (fresh,) = mlflow_findings(config)
    assert fresh.sentence == f"{file} will be made"
    Tracker(f"sqlite:///{file}", experiment="dite-search", artifacts=file.parent / "mlflow-artifacts")
    (good,) = mlflow_findings(config)
    assert (good.status, "with the schema of our MLflow" in good.sentence) == (OK, True)
    scripts = mlflow_scripts()
    older = next(revision.revision for revision in scripts.walk_revisions() if revision.nextrev)
    with sqlite3.connect(file) as database:
        database.execute("UPDATE alembic_version SET version_num = ?", (older,))
    (old,) = mlflow_findings(config)
    assert old.status == FAILED
    assert f"has the schema {older} of an older MLflow, and ours is {scripts.get_current_head()}" in old.sentence
    assert old.remedy == f"back it up, then: mlflow db upgrade 'sqlite:///{file}'"
    (mixed,) = study_findings(make_search(study_url=f"sqlite:///{file}"))
    assert mixed.sentence.startswith("study_url and mlflow_url must be two databases")


def test_what_a_tracking_server_answers(make_search):
    (found,) = answer_findings("http://h:5000", 200, json.dumps({"experiment": {"artifact_location": "s3://b/x"}}))
    assert (found.status, found.sentence) == (OK, "the server at http://h:5000 answers")
    (new,) = answer_findings("http://h:5000", 404, json.dumps({"error_code": "RESOURCE_DOES_NOT_EXIST"}))
    assert new.status == OK
    (other,) = answer_findings("http://h:5000", 404, "<html>nginx")
    assert other.sentence == "mlflow_url http://h:5000 answers, but not as an MLflow server does (HTTP 404)"
    (denied,) = answer_findings(f"http://me:{PASSWORD}@h:5000", 401, "")
    assert (denied.status, PASSWORD in str(denied)) == (FAILED, False)
    assert "MLFLOW_TRACKING_USERNAME" in denied.remedy
    (refusing,) = mlflow_findings(make_search(mlflow_url=f"http://127.0.0.1:{free_port()}"))
    assert refusing.sentence.endswith("cannot be reached: connection refused")
    (store,) = mlflow_findings(make_search(mlflow_url="file:///tmp/mlruns"))
    assert (store.status, "must begin with http://" in store.sentence) == (FAILED, True)


def test_artifacts_in_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    body = json.dumps({"experiment": {"artifact_location": f"file://{tmp_path / 'file'}/artifacts"}})
    (found,) = answer_findings("http://h:5000", 200, body)
    assert found.status == WARNING
    assert found.sentence == f"the artifacts of MLflow go to {tmp_path / 'file' / 'artifacts'}, which cannot be written here"
    body = json.dumps({"experiment": {"artifact_location": f"file://{tmp_path}/artifacts"}})
    assert answer_findings("http://h:5000", 200, body)[0].status == OK
