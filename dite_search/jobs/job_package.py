"""The package of a search for a cluster: the search file, the files that it names, and the command that runs it.

Data and results stay on storage that every node sees. A job runs in a folder that is removed with it, so a relative path
would lose what it leads to.
"""

from __future__ import annotations

import hashlib
import shlex
import shutil
import tempfile
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from packaging.requirements import Requirement
from packaging.version import Version

from dite_search.config.data_section import unrooted_paths
from dite_search.config.search_config import parse_search
from dite_search.config.sections import URLS
from dite_search.config.validation import VARIABLE
from dite_search.tasks.network_reference import trial_named
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import read_mapping
from search_spaces.common.own_objectives import OwnObjective, beside_file
from search_spaces.common.redaction import SECRETS

MAX_PACKAGE_BYTES = 20_000_000
"""Bytes that may travel with a job: more than any search file needs, less than a cluster's store would mind."""
DISTRIBUTION = "dite-search"
OWN_PACKAGES = ("dite_search", "search_spaces", "trainers", "analysis")
WORKING_DIRECTORY = "${RAY_RUNTIME_ENV_CREATE_WORKING_DIR}"
"""Where Ray puts the working directory on a node, as it may be written in a list of pip's."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """A search that is ready to travel.

    Args:
        study: The name of the study.
        file: The name of the search file in ``folder``.
        folder: The job's working directory.
        changes: The fields of the file that were replaced.
        at_once: The number of trials side by side that the job reserves resources for.
        resume: Whether the search goes on with its study.
    """

    study: str
    file: str
    folder: Path
    changes: Mapping[str, str | None]
    at_once: int | None = None
    resume: bool = False

    @property
    def entrypoint(self) -> str:
        """The command of the job, quoted for a shell."""
        options = [word for name, value in self.changes.items() if value is not None for word in (f"--{name}", value)]
        if self.resume:
            command = ["dite-search", "resume", self.study, "--directory", str(self.changes["directory"])]
        else:
            command = ["dite-search", "search", self.file, *options]
        if self.at_once is None:
            return shlex.join(command)
        reserve = ["dite-search", "job", "reserve", self.file, "--trials", str(self.at_once)]
        reserve += [word for name in ("data", "directory") if (value := self.changes[name]) for word in (f"--{name}", value)]
        return f"{shlex.join(reserve)} && {shlex.join(command)}"


def pack(
    file: str | Path,
    folder: Path,
    *,
    data: str | None = None,
    directory: str | None = None,
    name: str | None = None,
    include: Sequence[str] = (),
    at_once: int | None = None,
    resume: bool = False,
) -> Package:
    """Copy a search file and what it needs into ``folder``, and see that the search would start from there.

    Args:
        file: The search file.
        folder: The folder that travels.
        data: The path of the data on the cluster, in place of the file's.
        directory: The folder of studies on the cluster, in place of the file's.
        name: The name of the study, in place of the file's.
        include: Files and folders below the working directory that travel too.
        at_once: The number of trials side by side that the job reserves resources for.
        resume: Whether the search goes on with its study.

    Raises:
        InvalidInput: the file is wrong, holds a password, or leads to what does not travel; or more than 20 MB would travel.
    """
    file = Path(file)
    values = read_mapping(file)
    for field in URLS:
        _refuse_password(file, field, values.get(field))
        _refuse_relative_database(file, field, values.get(field))
    changed = values | {key: value for key, value in (("directory", directory), ("name", name)) if value is not None}
    if data is not None and isinstance(changed.get("data"), dict):
        changed["data"] = {key: value for key, value in changed["data"].items() if key != "synthetic"} | {"root": data}
    config = parse_search(beside_file(_without_variables(changed), file), str(file))
    travelling = [*include, *_named_files(values)]
    for path in travelling:
        _copy(path, folder)
    _refuse_relative(file, changed, [PurePosixPath(path) for path in travelling])
    if resume and not str(changed.get("directory", "runs")).startswith("/"):
        raise InvalidInput("--directory must be given with --resume: the folder of the studies on the cluster")
    shutil.copyfile(file, folder / file.name)
    _copy_modules(config.own_objectives, file.absolute().parent, folder)
    _check_size(f"with {file}", folder.rglob("*"))
    changes = {"data": data, "directory": directory or (str(changed["directory"]) if resume else None), "name": name}
    return Package(study=config.name, file=file.name, folder=folder, changes=changes, at_once=at_once, resume=resume)


def _refuse_password(file: Path, field: str, url: Any) -> None:
    """Refuse a URL with a password in it; one that comes from an environment variable is not in it."""
    if not isinstance(url, str):
        return
    plain = VARIABLE.sub(lambda match: match[2] or "", url)
    before, at, _ = plain.partition("://")[2].partition("@")
    # A server of MLflow takes a token in the place of the user.
    hidden = bool(at and (before.partition(":")[2] or (before and plain.startswith("http"))))
    try:
        hidden |= any(name.lower() in SECRETS and value for name, value in parse_qsl(urlsplit(plain).query))
    except ValueError:
        raise InvalidInput(f"{file}: {field} must be a URL") from None
    if hidden:
        raise InvalidInput(
            f"{file}: {field} must not hold a password when it travels: write ${{NAME}} in its place,"
            " an environment variable that is set on the cluster's machines"
        )


def _without_variables(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with a stand-in for each variable: those of the cluster are not known here."""
    return {name: _stand_in(value) for name, value in values.items()}


def _stand_in(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _stand_in(each) for name, each in value.items()}
    return VARIABLE.sub(lambda match: match[1].lower(), value) if isinstance(value, str) else value


def _named_files(values: Mapping[str, Any]) -> list[str]:
    """Return files of the space, of keypoints and of weights; a name without a file is that of a space or network."""
    space = values.get("space")
    base = space.get("base") if isinstance(space, dict) else space
    spaces = [base] if isinstance(base, str) and not Path(base).is_absolute() and Path(base).is_file() else []
    weights = [path for _, path in _weights(values) if not Path(path).is_absolute() and Path(path).exists()]
    data = values.get("data")
    points = data.get("keypoints") if isinstance(data, dict) else None
    keypoints = [points] if isinstance(points, str) and not Path(points).is_absolute() and Path(points).is_file() else []
    return [*spaces, *keypoints, *weights]


def _weights(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the places of weights that trainings begin or learn from, by their fields; the study keeps copies."""
    training = values.get("training")
    training = training if isinstance(training, dict) else {}
    distill = training.get("distill")
    found = {"training.start_from": training.get("start_from")}
    found["training.distill.teacher"] = distill.get("teacher") if isinstance(distill, dict) else None
    places = {field: value.get("file") if isinstance(value, dict) else value for field, value in found.items()}
    return [(field, place) for field, place in places.items() if isinstance(place, str)]


def _copy(path: str, folder: Path) -> None:
    source = Path(path)
    if source.is_absolute() or ".." in source.parts:
        raise InvalidInput(f"what travels with a search must lie below the working directory, got {path}")
    if not source.exists():
        raise InvalidInput(f"{path} does not exist")
    found = [source] if source.is_file() else [item for item in source.rglob("*") if item.is_file()]
    _check_size(f"in {path}", found)
    for item in found:
        target = folder / item
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(item, target)


def _copy_modules(objectives: Iterable[OwnObjective], beside: Path, folder: Path) -> None:
    """Copy modules of objectives that lie with the search file, each with all of its package; others are installed."""
    for own in objectives:
        if not own.file.is_relative_to(beside):
            continue
        whole = beside / own.file.relative_to(beside).parts[0]
        if whole.is_file():
            shutil.copyfile(whole, folder / whole.name)
        else:
            shutil.copytree(whole, folder / whole.name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))


def _check_size(where: str, files: Iterable[Path]) -> None:
    size = sum(file.stat().st_size for file in files if file.is_file())
    if size > MAX_PACKAGE_BYTES:
        raise InvalidInput(
            f"what travels {where} must be at most {MAX_PACKAGE_BYTES / 1e6:g} MB, got {size / 1e6:.1f} MB:"
            " what is larger belongs on storage that every node sees"
        )


def _refuse_relative(file: Path, values: Mapping[str, Any], travelling: Sequence[PurePosixPath]) -> None:
    """Refuse a path that leads nowhere on the cluster, or to a folder that is removed with the job."""
    data, warm = values.get("data") or {}, values.get("warm_start") or {}
    directory = str(values.get("directory", "runs"))
    if not _is_fixed(directory):
        raise InvalidInput(
            f"{file}: directory must be absolute, or come from an environment variable of the cluster, since a job's own"
            f" folder is removed with it, got {directory!r}; --directory replaces it"
        )
    paths = [(f"data.{name}", path) for name, path in unrooted_paths(data)]
    paths += [("warm_start.studies", study) for study in warm.get("studies") or ()]
    # A trial is one of the cluster's own studies, which lie in the directory that is looked at above.
    paths += [(field, place) for field, place in _weights(values) if trial_named(place) is None]
    paths += [("checkpoints", place)] if (place := values.get("checkpoints")) and "://" not in str(place) else []
    for field, path in paths:
        if path is None or _is_fixed(str(path)):
            continue
        if not any(PurePosixPath(path).is_relative_to(root) for root in travelling):
            hint = "--data replaces it" if field == "data.root" else "--include sends a small one along"
            raise InvalidInput(
                f"{file}: {field} must be absolute, or come from an environment variable of the cluster,"
                f" got {path!r}; {hint}"
            )


def _refuse_relative_database(file: Path, field: str, url: Any) -> None:
    """Refuse an SQLite file in the job's own folder."""
    kind, _, path = str(url or "").partition(":///")
    if kind.startswith("sqlite") and path and not _is_fixed(path):
        raise InvalidInput(
            f"{file}: {field} must name a server, or a file by its absolute path, since a job's own folder is removed with"
            f" it, got {url!r}"
        )


def _is_fixed(path: str) -> bool:
    return path.startswith(("/", "${"))


def pip_environment(folder: Path) -> dict[str, Any]:
    """Ray's ``pip`` field for nodes without our packages: the program as a wheel in ``folder``, and the versions used here.

    Ray itself is left out: a job must run the cluster's own.
    """
    wheel = own_wheel(folder)
    return {"packages": [*pinned_packages(), f"{WORKING_DIRECTORY}/{wheel.name}"], "pip_check": False}


def pinned_packages() -> list[str]:
    """Every package that this program needs, directly or not, at the version installed here, in alphabetical order."""
    pins: dict[str, str] = {}
    seen, waiting = set(), [Requirement(DISTRIBUTION)]
    while waiting:
        requirement = waiting.pop()
        key = (requirement.name.lower().replace("_", "-"), tuple(sorted(requirement.extras)))
        if key in seen:
            continue
        seen.add(key)
        try:
            found = distribution(requirement.name)
        except PackageNotFoundError:
            continue
        if key[0] not in (DISTRIBUTION, "ray"):
            # A local version, such as that of a build for one kind of GPU, is known to no package index.
            pins[key[0]] = f"{key[0]}=={Version(found.version).public}"
        environments = [{"extra": extra} for extra in ("", *requirement.extras)]
        for needed in map(Requirement, found.requires or ()):
            if needed.marker is None or any(needed.marker.evaluate(environment) for environment in environments):
                waiting.append(needed)
    return sorted(pins.values())


def own_wheel(folder: Path) -> Path:
    """The program as a wheel, from the very sources that run here."""
    own = distribution(DISTRIBUTION)
    name = f"{DISTRIBUTION.replace('-', '_')}-{own.version}"
    files: dict[str, bytes] = {}
    for package in OWN_PACKAGES:
        root = Path(__file__).parents[2]
        for path in sorted((root / package).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                files[path.relative_to(root).as_posix()] = path.read_bytes()
    # Started in its own checkout, Python finds the sources' record, where METADATA has another name.
    metadata = own.read_text("METADATA") or own.read_text("PKG-INFO") or ""
    files[f"{name}.dist-info/METADATA"] = metadata.encode()
    files[f"{name}.dist-info/entry_points.txt"] = (own.read_text("entry_points.txt") or "").encode()
    files[f"{name}.dist-info/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: dite-search\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    lines = [f"{path},sha256={_digest(content)},{len(content)}" for path, content in files.items()]
    files[f"{name}.dist-info/RECORD"] = "\n".join([*lines, f"{name}.dist-info/RECORD,,", ""]).encode()
    target = folder / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path_in, content in files.items():
            # One date for all: the same sources give the same wheel, which a cluster then installs once.
            archive.writestr(zipfile.ZipInfo(path_in, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return target


def _digest(content: bytes) -> str:
    return urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


@contextmanager
def packing_folder() -> Iterator[Path]:
    """A folder to pack in, which vanishes afterwards."""
    with tempfile.TemporaryDirectory(prefix="dite-search-job-") as folder:
        yield Path(folder)
