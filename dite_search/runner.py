"""A search from end to end: Ray Tune runs the trials, the study and MLflow record them."""

from __future__ import annotations

import logging
import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

# Ray reads these when it is imported: no usage statistics, no change of the working directory, our own output only.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")
os.environ.setdefault("RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS", "0")
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
os.environ.setdefault("TUNE_DISABLE_STRICT_METRIC_CHECKING", "1")
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "10")

import ray
from ray import tune
from ray.tune.experiment import Trial
from rich.console import Console

from analysis.pareto import front_of
from analysis.trials import StudyRecord
from dite_search.config import SearchConfig
from dite_search.progress import Progress
from dite_search.scheduler import scheduler_of
from dite_search.searcher import EPOCH_KEY, StudySearch, epoch_metrics, gate_of
from dite_search.study import (
    INTERRUPTED,
    MLFLOW_RUN,
    PROVENANCE_FILE,
    SEARCH_FILE,
    StudyReader,
    create_study,
    is_spent,
    open_study,
    protocol_of,
    read_study,
    reopen_running,
    rung_records,
)
from dite_search.tracking import UNREACHABLE, Tracker, tracking_uri
from dite_search.trainable import TrialRunner
from dite_search.warm_start import earlier_trials
from search_spaces.errors import InvalidInput
from search_spaces.files import write_json
from trainers.data.photometric import photometric_of
from trainers.data.pictures import training_pictures, validation_pictures
from trainers.data.source import DataConfig
from trainers.data.synthetic import draw_dataset

SECONDS_BETWEEN_DRAWINGS = 0.5


def run_search(config: SearchConfig, console: Console) -> StudyRecord:
    """Run a new search to its end, showing its progress, and return what it found.

    Raises:
        InvalidInput: the data, the budget, the storage or the resources do not fit; nothing was started.
    """
    data = checked_data(config, console)
    gate, space = gate_of(config), config.search_space
    config.network_budget.check(space, lambda point: gate.costs(space.build(point)))
    known = earlier_trials(config)
    start_ray()
    concurrent = concurrency(config, ray.cluster_resources())  # type: ignore[no-untyped-call]
    tracker = tracker_of(config)
    create_study(config, known=known)
    write_json(config.study_directory / PROVENANCE_FILE, provenance(tracker.uri))
    _start_tracking(config, tracker)
    return _search(config, data, tracker, console, trials=config.trials, concurrent=concurrent)


def resume_search(config: SearchConfig, console: Console) -> StudyRecord:
    """Go on with a search that was cut off: what was running goes on from its last checkpoint, under its own number.

    Raises:
        InvalidInput: as `run_search`; or nothing is left to do.
    """
    data = checked_data(config, console)
    study = open_study(config)
    left = config.trials - sum(is_spent(trial) for trial in study.get_trials(deepcopy=False))
    if left <= 0:
        raise InvalidInput(f"study {config.name} must have trials left to go on with, but all {config.trials} have ended")
    start_ray()
    concurrent = concurrency(config, ray.cluster_resources())  # type: ignore[no-untyped-call]
    tracker = tracker_of(config)
    if MLFLOW_RUN in study.user_attrs:
        tracker.go_on_with(study.user_attrs[MLFLOW_RUN])
    else:
        _start_tracking(config, tracker)
    reopen_running(config)
    return _search(config, data, tracker, console, trials=left, concurrent=concurrent)


def _search(
    config: SearchConfig, data: DataConfig, tracker: Tracker, console: Console, *, trials: int, concurrent: int
) -> StudyRecord:
    """Run so many more trials of a study that exists."""
    searcher, scheduler = StudySearch(config), scheduler_of(config)
    if scheduler:
        scheduler.add_records(rung_records(config))
    with Progress(console, trials=config.trials, epochs=config.train_config.epochs) as progress:
        recorder = Recorder(config, searcher, tracker, progress)
        tuner = tune.Tuner(
            _with_resources(config, TrialRunner(search=config, data=data)),
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                scheduler=scheduler,
                num_samples=trials,
                max_concurrent_trials=concurrent,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name=f"ray-{time.strftime('%Y%m%d-%H%M%S')}",
                storage_path=str(config.study_directory),
                failure_config=tune.FailureConfig(max_failures=config.retries),
                callbacks=[recorder],
                verbose=0,
            ),
        )
        tuner.fit()
        reopen_running(config)
        recorder.close()
        study = read_study(config)
        progress.update(study)
    _finish_tracking(tracker, study, recorder, console)
    return study


def checked_data(config: SearchConfig, console: Console) -> DataConfig:
    """The data of a search, seen to be there before anything is started.

    Raises:
        InvalidInput: the data, or a library that the training needs, is not there.
    """
    data = data_of(config, console)
    size = config.search_space.base.input_size
    training_pictures(data, size), validation_pictures(data, data.validation_people(), size)
    # What no trial could do without is asked for here, or every one of them would fail for it.
    photometric_of(1.0 if "photometric" in config.search_space.parameters else config.train_config.photometric)
    return data


def tracker_of(config: SearchConfig) -> Tracker:
    """The tracking of a search."""
    uri = tracking_uri(config.mlflow_url, config.study_directory.parent)
    return Tracker(uri, experiment="dite-search", artifacts=config.study_directory.parent / "mlflow-artifacts")


class Recorder(tune.Callback):
    """Writes what Tune reports to MLflow, and redraws the progress.

    A tracking server that does not answer does not stop the search: what was not written is counted in ``missed``.
    """

    def __init__(self, config: SearchConfig, searcher: StudySearch, tracker: Tracker, progress: Progress) -> None:
        self._config, self._searcher, self._tracker, self._progress = config, searcher, tracker, progress
        self._reader = StudyReader(config, open_study(config))
        self._runs: dict[str, str] = {}
        self._shown = 0.0
        self.missed = 0

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune stores its callbacks with the experiment, and the study is the record of this one."""
        return {}

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Open the child run, once for all starts of the trial."""
        if trial.trial_id in self._runs:
            return
        number, point = trial.config["number"], trial.config["point"]
        run_id = self._searcher.mlflow_run(trial.trial_id)
        if run_id:
            self._write(self._tracker.reopen_trial, run_id)
        else:
            arch = self._config.search_space.build(point)
            hyperparameters = {name: point[name] for name in self._config.search_space.training_parameters}
            hyperparameters["seed"] = trial.config["seed"]
            run_id = self._write(self._tracker.start_trial, number, arch, hyperparameters)
        if run_id:
            self._runs[trial.trial_id] = run_id
            self._searcher.set_mlflow_run(trial.trial_id, run_id)
        self._show()

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        """Log an epoch."""
        metrics = epoch_metrics(result)
        if trial.trial_id in self._runs and metrics:
            epoch = int(result.get(EPOCH_KEY, self._config.train_config.epochs))
            self._write(self._tracker.log_epoch, self._runs[trial.trial_id], epoch, metrics)
        self._show(always=False)

    def on_trial_recover(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Say that a trial whose process died begins anew."""
        self._progress.note(f"trial {trial.config['number']}: its process died; it goes on from its last checkpoint")

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Close the child run as what the study says it is."""
        self._finish(trial)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Close the child run as failed."""
        self._finish(trial)

    def close(self) -> None:
        """Close the child runs that an interruption left open, as failed."""
        for run_id in self._runs.values():
            self._write(self._tracker.finish_trial, run_id, failed=INTERRUPTED)
        self._runs.clear()

    def _finish(self, trial: Trial) -> None:
        if trial.trial_id in self._runs:
            ending = self._searcher.ending_of(trial.trial_id)
            self._write(self._tracker.finish_trial, self._runs.pop(trial.trial_id), **ending)
        self._show()

    def _show(self, *, always: bool = True) -> None:
        if always or time.monotonic() - self._shown > SECONDS_BETWEEN_DRAWINGS:
            self._progress.update(self._reader.read())
            self._shown = time.monotonic()

    def _write(self, call: Any, *arguments: Any, **named: Any) -> Any:
        try:
            return call(*arguments, **named)
        except UNREACHABLE:
            logging.getLogger(__name__).debug("tracking", exc_info=True)
            self.missed += 1
            return None


def start_ray() -> None:
    """Connect to the cluster that ``RAY_ADDRESS`` names, or start a quiet local one; nothing where one runs already."""
    if ray.is_initialized():
        return
    # What goes wrong in a trial is told by its reason and its error file, not by Ray's own log on the user's screen.
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL, "configure_logging": True}
    if "RAY_ADDRESS" not in os.environ:
        options |= {"include_dashboard": False}
    try:
        ray.init(**options)
        logging.getLogger("ray").setLevel(logging.CRITICAL)
    except ConnectionError as error:
        raise InvalidInput(f"RAY_ADDRESS {os.environ.get('RAY_ADDRESS')} cannot be reached: {error}") from None


def concurrency(config: SearchConfig, available: dict[str, float]) -> int:
    """How many trials run at once: what the cluster holds of one trial's resources, at most what the search allows.

    Raises:
        InvalidInput: not even one trial fits; the message shows the arithmetic.
    """
    wanted = config.resources
    fits = config.max_concurrent or config.trials
    for name, each in (("CPU", float(wanted.cpus_per_worker)), ("GPU", wanted.gpus_per_worker)):
        if not each:
            continue
        have, need = available.get(name, 0.0), wanted.workers * each
        if have < need:
            raise InvalidInput(
                f"resources: one trial needs {wanted.workers} workers x {each:g} {name} = {need:g} {name},"
                f" but the cluster has {have:g}"
            )
        fits = min(fits, int(have / need + 1e-9))
    return max(1, fits)


def data_of(config: SearchConfig, console: Console | None = None) -> DataConfig:
    """The data set of a search; a synthetic one is drawn, once for all studies of a folder."""
    section = config.data
    root = section.root
    if section.synthetic is not None:
        drawing = section.synthetic
        folder = f"synthetic-{drawing.train_images}-{drawing.val_images}-{drawing.seed}"
        path = config.study_directory.parent / "data" / folder
        if not path.exists():
            if console:
                console.print(f"Drawing {drawing.train_images + drawing.val_images} synthetic images in {path}")
            draw_dataset(path, train_images=drawing.train_images, val_images=drawing.val_images, seed=drawing.seed)
        root = str(path)
    assert root is not None, "the search file names a root or a synthetic data set"
    return DataConfig(
        root=Path(root),
        format=section.format,
        name="synthetic" if section.synthetic else section.name,
        train_split=section.train_split,
        val_split=section.val_split,
        boxes=section.boxes,
        detections=Path(section.detections) if section.detections else None,
        workers=section.workers,
        prepared=Path(section.prepared) if section.prepared else None,
        on_broken_image=section.on_broken_image,
    )


def provenance(uri: str) -> dict[str, Any]:
    """What a reader needs to repeat a search: command, versions, machine, time."""
    packages = ("dite-search", "ray", "torch", "optuna", "mlflow")
    return {
        "command": " ".join(["dite-search", *sys.argv[1:]]),
        "started": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "mlflow_uri": uri,
    }


def _with_resources(config: SearchConfig, runner: TrialRunner) -> Any:
    """The trainable with what its own process takes: all of one worker, next to nothing when it only drives others."""
    resources = config.resources
    if not resources.in_process:
        # A bundle must ask for something, and a fraction of a core would keep the last worker from its own: one byte does.
        return tune.with_resources(runner.__call__, {"memory": 1})
    bundle: dict[str, float] = {"CPU": resources.cpus_per_worker}
    return tune.with_resources(
        runner.__call__, bundle | ({"GPU": resources.gpus_per_worker} if resources.gpus_per_worker else {})
    )


def _start_tracking(config: SearchConfig, tracker: Tracker) -> None:
    parent = tracker.start_search(config.name, _flat(protocol_of(config)), config.study_directory / SEARCH_FILE)
    open_study(config).set_user_attr(MLFLOW_RUN, parent)


def _finish_tracking(tracker: Tracker, study: StudyRecord, recorder: Recorder, console: Console) -> None:
    try:
        counts = {"over_budget": study.over_budget, "reused": study.reused}
        epochs = sum(trial.epochs_trained for trial in study.trials)
        tracker.finish_search(front_of(study), study.objectives, counts=counts | {"epochs_trained": epochs})
    except UNREACHABLE:
        recorder.missed += 1
    if recorder.missed:
        console.print(f"[yellow]MLflow at {tracker.uri} did not take {recorder.missed} writes; the study has everything")


def _flat(values: dict[str, Any]) -> dict[str, Any]:
    return {f"protocol.{name}": value for name, value in values.items()}
