"""The wheel: everything that the program reads is in it, and it runs where no checkout is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGES = ("search_spaces", "trainers", "analysis", "dite_search")


def tracked() -> list[str]:
    """Return the files of the repository; the test is skipped where there is none."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("needs the repository, whose files a wheel is built from")
    done = subprocess.run(["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=True, timeout=60)
    return [name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the files of the repository, built with what is installed here."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in tracked():
        if name.startswith(PACKAGES) or name in ("pyproject.toml", "README.md", "LICENSE"):
            (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / "source" / name)
    words = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(folder / "source")]
    done = subprocess.run([sys.executable, "-m", "pip", *words], capture_output=True, text=True, timeout=600, check=False)
    if "No module named 'setuptools'" in done.stderr or "Cannot import 'setuptools.build_meta'" in done.stderr:
        pytest.skip("needs setuptools to build without a network")
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the wheel is installed into, without its dependencies."""
    target = tmp_path_factory.mktemp("installed")
    words = ["install", "--quiet", "--no-deps", "--no-index", "--target", str(target), str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", *words], capture_output=True, timeout=300, check=True)
    return target


def program(installed: Path, folder: Path, *words: str) -> str:
    """Run the installed program in a folder of its own, and return its output."""
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=3000, check=False)
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout


@pytest.mark.slow
def test_every_file_of_the_packages_is_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    missing = [name for name in tracked() if name.startswith(tuple(f"{each}/" for each in PACKAGES)) and name not in names]
    assert missing == []
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == set(PACKAGES)
    metadata = zipfile.ZipFile(wheel).read(next(name for name in names if name.endswith("/entry_points.txt"))).decode()
    assert "dite-search = dite_search.cli:main" in metadata


@pytest.mark.slow
def test_an_installed_program_reads_its_tables_and_templates(installed: Path, tmp_path: Path) -> None:
    check = tmp_path / "check.py"
    check.write_text("import dite_search, analysis\nprint(dite_search.__file__)\nprint(analysis.__file__)\n")
    places = program(installed, tmp_path, "check").splitlines()
    assert all(Path(place).is_relative_to(installed) for place in places), places
    replayed = program(installed, tmp_path, "dite_search", "replay", "tiny_128", "--seeds", "1", "--json")
    assert '"table": "tiny_128"' in replayed
    page = tmp_path / "page.py"
    lines = [
        "from analysis.templates import template_environment as made",
        "print(made('dite_search').get_template('dashboard.html').name)",
        "print(made('analysis').get_template('report/page.html').name)",
    ]
    page.write_text("\n".join(lines))
    assert program(installed, tmp_path, "page").split() == ["dashboard.html", "report/page.html"]


@pytest.mark.nightly
def test_an_installed_program_runs_the_quickstart(installed: Path, tmp_path: Path) -> None:
    said = program(installed, tmp_path, "dite_search", "quickstart", "--trials", "2")
    assert "ONNX" in said
    assert (tmp_path / "runs/quickstart/report/report.html").is_file()
