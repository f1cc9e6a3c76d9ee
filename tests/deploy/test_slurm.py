"""The Slurm script, run for real with stand-ins for Slurm's programs that start its steps on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.child_processes import RAY
from tests.conftest import ROOT
from tests.ports import free_port

pytestmark = pytest.mark.xdist_group("cluster")
SCRIPT = ROOT / "deploy" / "slurm.sh"

SRUN = """#!/bin/bash
# Drops srun's options, notes them with the mode of the token's file, and becomes the step.
echo "$(stat -c %a "$RAY_AUTH_TOKEN_PATH") ${*//$'\\n'/ }" >> "$STEPS"
while [[ "$1" == --* ]]; do shift; done
exec "$@"
"""
SCONTROL = '#!/bin/bash\n[ "$*" = "show hostnames node[1-2]" ] && printf "node1\\nnode2\\n"\n'
HOSTNAME = '#!/bin/bash\n[ "$1" = --ip-address ] && echo 127.0.0.1\n'
OURS = {"python": "", "ray": "-m ray.scripts.scripts", "dite-search": "-m dite_search"}
"""Programs of this environment, wherever its folder of programs is."""


@contextmanager
def job():
    """A folder with the stand-ins, and the variables of a job of two nodes with one core each."""
    folder = Path(tempfile.mkdtemp(prefix="dite-slurm-", dir="/tmp"))
    programs = folder / "bin"
    programs.mkdir()
    texts = {name: f'#!/bin/bash\nexec "$PYTHON" {words} "$@"\n' for name, words in OURS.items()}
    for name, text in {"srun": SRUN, "scontrol": SCONTROL, "hostname": HOSTNAME, **texts}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "SLURM_", "DITE_SEARCH_"))}
    environment = kept | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHON": sys.executable,
        "STEPS": str(folder / "steps"),
        "RAY_TMPDIR": str(folder),
        "RAY_DEFAULT_OBJECT_STORE_MEMORY_PROPORTION": "0.01",
        "OMP_NUM_THREADS": "1",
        **RAY,
        "SLURM_JOB_ID": "77",
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_JOB_NODELIST": "node[1-2]",
        "SLURM_CPUS_PER_TASK": "1",
        "DITE_SEARCH_PORT": str(free_port()),
        "DITE_SEARCH_TOKEN_FOLDER": str(folder / "tokens"),
    }
    try:
        yield folder, environment
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def slurm():
    with job() as found:
        yield found


@pytest.fixture(scope="module")
def in_vain():
    """The folder of a job of two nodes of which one does not come, and its process: it waits while other jobs are tested."""
    with job() as (folder, environment):
        (folder / "bin" / "srun").write_text(
            SRUN.replace("while", 'case "$*" in *--nodelist=node2*) exec sleep 1000;; esac\nwhile', 1)
        )
        process = start(environment | {"DITE_SEARCH_START_SECONDS": "45"}, "search", "nowhere.yaml")
        yield folder, process
        if process.poll() is None:
            process.terminate()
            finish(process, seconds=60)


def start(environment, *words):
    return subprocess.Popen(
        ["bash", str(SCRIPT), *map(str, words)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(process, *, seconds):
    """Its output; whatever it left running is ended, and is a failure."""
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        for each in family:
            each.kill()
        raise
    return output


def left_over(folder):
    found = []
    for each in psutil.process_iter():
        try:
            if str(folder) in each.environ().get("RAY_TMPDIR", ""):
                found.append(each)
        except psutil.Error:
            continue
    _, alive = psutil.wait_procs(found, timeout=20)
    names = [each.name() for each in alive]
    for each in alive:
        each.kill()
    return names


def test_its_syntax_is_right():
    subprocess.run(["bash", "-n", str(SCRIPT)], check=True)


@pytest.mark.slow
def test_a_command_runs_on_two_nodes(in_vain, slurm, tmp_path):
    folder, environment = slurm
    search = tmp_path / "search.yaml"
    search.write_text("{name: a, space: tiny, data: {synthetic: {}}, trials: 2}")
    process = start(environment, "job", "reserve", search, "--trials", 2, "--wait", 60)
    output = finish(process, seconds=240)
    assert process.returncode == 0, output
    assert "trials_at_once  2" in output, "each node has one core: two trials need both"
    steps = (folder / "steps").read_text().splitlines()
    assert {step.split()[0] for step in steps} == {"600"}
    assert sorted(step.partition("--nodelist=")[2].split()[0] for step in steps) == ["node1", "node1", "node2"]
    assert "--include-dashboard=false" in next(step for step in steps if "--head" in step)
    assert list((folder / "tokens").iterdir()) == []
    assert left_over(folder) == []


# At a commit the status of a job that waits in vain is returned on the same way.
@pytest.mark.nightly
def test_what_the_command_returns_is_returned(slurm):
    folder, environment = slurm
    process = start(environment | {"SLURM_JOB_NUM_NODES": "1"}, "search", "nowhere.yaml")
    output = finish(process, seconds=240)
    assert process.returncode == 2, output
    assert "nowhere.yaml does not exist" in output
    assert list((folder / "tokens").iterdir()) == []
    assert left_over(folder) == []


@pytest.mark.slow
def test_a_node_that_does_not_come(in_vain):
    folder, process = in_vain
    output = finish(process, seconds=240)
    assert process.returncode == 1, output
    assert "error: 1 of 2 nodes joined the Ray head within 45 seconds" in output
    assert "nowhere.yaml" not in output
    assert left_over(folder) == []


def test_mistakes(slurm):
    _, environment = slurm
    process = start(environment)
    assert "needs the words of a dite-search command" in finish(process, seconds=60)
    assert process.returncode == 2
    process = start({name: value for name, value in environment.items() if name != "SLURM_JOB_ID"}, "search", "a.yaml")
    assert "must be started by sbatch" in finish(process, seconds=60)
    assert process.returncode == 1
