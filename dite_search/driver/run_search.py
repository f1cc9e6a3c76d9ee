"""A search from end to end: Ray Tune runs the trials, the study and MLflow record them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

# Before Ray itself, which reads its settings when it is imported.
from dite_search.driver.ray_session import heartbeat_of_head, start_ray

# isort: split

from ray import tune
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler
from rich.console import Console

from analysis.study.records import StudyRecord
from dite_search.config.search_config import SearchConfig
from dite_search.config.search_data import data_of
from dite_search.doctor.preflight import preflight
from dite_search.doctor.requirements import require
from dite_search.driver.budgeted_search import BudgetedSearch
from dite_search.driver.scheduler import BudgetScheduler, scheduler_of
from dite_search.driver.stopper import PauseStopper
from dite_search.driver.trainable import NOTE, TrialRunner
from dite_search.monitor.progress_table import Progress
from dite_search.monitor.snapshot import LiveReader, StudySnapshot, time_left
from dite_search.spending.allowance import Allowance
from dite_search.spending.limits import spent_words
from dite_search.spending.state import Extension, allowance_of, budget_state, extended_fields, refuse_spent
from dite_search.spending.watch import Watch
from dite_search.storage.lease import Lease
from dite_search.storage.outbox import Outbox
from dite_search.storage.pause import Pause
from dite_search.study.backfill import backfill_curves
from dite_search.study.directory import SEARCH_FILE
from dite_search.study.places import PROVENANCE_FILE, SPLIT_FILE
from dite_search.study.provenance import provenance
from dite_search.study.reader import StudyReader, TrialNetworks, read_study, rung_records
from dite_search.study.resumption import check_same_data, check_study, keep_record
from dite_search.study.storage_errors import answering
from dite_search.study.study import (
    DATABASE_AWAY,
    create_study,
    extend_study,
    extended_search,
    finish_creation,
    open_study,
    reopen_running,
    storage_of,
)
from dite_search.study.warm_start import earlier_trials
from dite_search.tracking.client import Tracker, tracker_of
from dite_search.tracking.mirror import Mirror
from dite_search.tracking.source import StudySource
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import write_json
from search_spaces.common.shell import own_command
from search_spaces.space.candidate import CandidateCache
from trainers.data.config import DataConfig
from trainers.data.formats.layout import listed_split
from trainers.data.identity import data_contents, identity_of

SECONDS_BETWEEN_DRAWINGS = 0.5


def run_search(config: SearchConfig, console: Console, pause: Pause | None = None) -> StudyRecord:
    """Run a new search to its end, showing its progress, and return what it found.

    Ctrl-C, SIGTERM, ``pause`` and ``dite-search pause`` end it early, with everything saved.

    Raises:
        InvalidInput: the data, the budget, the storage or the resources do not fit; nothing was started.
    """
    began = time.monotonic()
    ready = require(config, console, new=True)
    data = ready.data
    contents = data_contents(data)
    concurrent = preflight(config, console, start=start_ray, source="FILE").at_once
    tracker = tracker_of(config)
    with answering(config):
        create_study(config, known=ready.known, contents=contents)
    write_json(config.study_directory / PROVENANCE_FILE, provenance(tracker.shown, data, ready.checked.counts))
    if data.layout and data.layout.val_share is not None:
        write_json(config.study_directory / SPLIT_FILE, listed_split(data.layout))
    pause = pause or Pause()
    with answering(config), Lease(config.name, storage_of(config)).held(pause):
        return _search(config, data, tracker, console, pause, ready.candidates, began=began, concurrent=concurrent)


def resume_search(
    config: SearchConfig, console: Console, pause: Pause | None = None, *, more: Extension | None = None
) -> StudyRecord:
    """Go on with a search that was cut off: what was running goes on from its last checkpoint, under its own number.

    ``more`` is added to what the search may train and spend, for good.

    Raises:
        InvalidInput: as `run_search`; the study was made with other settings or data; or nothing is left to do, or another
            driver runs the search.
    """
    began = time.monotonic()
    with answering(config):
        # Before anything is drawn, written or started.
        check_study(config)
        data, contents = _found_data(config, console)
        check_same_data(config, data, contents)
    candidates = require(config, console, new=False).candidates
    pause = pause or Pause()
    with answering(config), Lease(config.name, storage_of(config)).held(pause):
        finish_creation(config, lambda: earlier_trials(config, identity_of(contents)), contents)
        keep_record(config, contents)
        filled = backfill_curves(config, lambda sentence: console.print(sentence, highlight=False, markup=False))
        study, extended, fields = read_study(config), config, None
        state = budget_state(config, study, time.time())
        if more:
            fields = extended_fields(config, state, more)
            extended = extended_search(config, fields)
            state = budget_state(extended, study, time.time())
        if state.trainings_left == 0:
            return _finish(config, console, mended=bool(filled.trials))
        refuse_spent(config, state)
        file = str(config.study_directory / SEARCH_FILE)
        concurrent = preflight(extended, console, start=start_ray, trials=state.trainings_left, source=file).at_once
        tracker = tracker_of(extended)
        if fields:
            extend_study(config, fields)
        reopen_running(extended)
        return _search(extended, data, tracker, console, pause, candidates, began=began, concurrent=concurrent)


def _found_data(config: SearchConfig, console: Console) -> tuple[DataConfig, dict[str, str]]:
    """Return the data of a study and the digests of their files, drawn before where they have to be.

    Raises:
        InvalidInput: a file is missing; where the whole folder is gone, the sentence says how to name another.
    """
    try:
        data = data_of(config, console)
        return data, data_contents(data)
    except InvalidInput as error:
        if config.data.folder is None or config.data.folder.exists():
            raise
        file = config.study_directory / SEARCH_FILE
        raise InvalidInput(f"{error}; if the data were moved, say in {file} where data.root is now") from None


def _finish(config: SearchConfig, console: Console, *, mended: bool) -> StudyRecord:
    """Close what a driver left open that died after its last trial; a study that was ``mended`` had something left to do."""
    reopen_running(config)
    mirror = Mirror(tracker_of(config), StudySource(config))
    # Told before it starts that the search has ended, it writes nothing into runs that are whole.
    mirror.end()
    with mirror:
        pass
    if not mirror.written and not mirror.lacks() and not mended:
        raise InvalidInput(
            f"study {config.name} must have trials left to go on with, but all {config.trials} have ended;"
            f" to add some: {own_command('extend', config.study_directory, '--trials', 'N')}"
        )
    _finish_tracking(mirror, config, console)
    return read_study(config)


def _search(
    config: SearchConfig,
    data: DataConfig,
    tracker: Tracker,
    console: Console,
    pause: Pause,
    candidates: CandidateCache,
    *,
    began: float,
    concurrent: int,
) -> StudyRecord:
    """Run what is left of a study that exists; its time counts from ``began``, a reading of the monotonic clock."""
    # One for all that read the study in this process: the searcher tells it the networks that it built.
    networks = TrialNetworks()
    mirror = Mirror(tracker, StudySource(config, networks, candidates=candidates))
    opened = open_study(config)
    allowance = allowance_of(config, StudyReader(config, opened, networks).read(), began=began)
    watch = Watch(allowance, config.study_directory, pause)
    with Progress(console, trials=config.trials, epochs=config.train_config.epochs) as progress, mirror, watch.kept():
        pause.listener = progress.note
        scheduler = scheduler_of(config)
        searcher = BudgetedSearch(
            config,
            allowance=allowance,
            asked=config.trials,
            candidates=candidates,
            networks=networks,
            pause=pause,
            note=progress.note,
        )
        if scheduler:
            scheduler.note = progress.note
            scheduler.add_records(rung_records(config, networks))
        recorder = Recorder(config, mirror, progress, networks, allowance=allowance)

        def close() -> StudyRecord:
            reopen_running(config, opened)
            return StudyReader(config, opened, networks).read()

        tuner = tune.Tuner(
            _with_resources(config, TrialRunner(search=config, data=data)),
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                scheduler=BudgetScheduler(scheduler or FIFOScheduler(), allowance),  # type: ignore[no-untyped-call]
                # The searcher says when no more is to begin.
                num_samples=-1,
                max_concurrent_trials=concurrent,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name=f"ray-{time.strftime('%Y%m%d-%H%M%S')}",
                storage_path=str(config.study_directory),
                failure_config=tune.FailureConfig(max_failures=config.retries),
                callbacks=[recorder],
                stop=PauseStopper(pause),
                verbose=0,  # with a reporter for terminals: in a notebook Tune's own choice shows HTML
                progress_reporter=tune.CLIReporter(),
            ),
        )
        with pause.on_signals(), heartbeat_of_head(config).kept():
            tuner.fit()
            study = _close(config, searcher.outbox, pause, close)
            watch.write(reserve=False, ended=_ended_at(config, study, allowance, watch, pause))
        progress.update(study, spent=budget_state(config, study, time.time()).words)
    _finish_tracking(mirror, config, console)
    return mirror.with_runs(study)


def _ended_at(config: SearchConfig, study: StudyRecord, allowance: Allowance, watch: Watch, pause: Pause) -> list[str]:
    """Return the fields of the limits at which a search ends: none where a user paused it, or all networks have ended."""
    if watch.stopped_by or pause.asked:
        return watch.stopped_by
    has_work = budget_state(config, study, time.time()).trainings_left != 0
    return sorted(allowance.declined) if allowance.is_exhausted and has_work else []


def _close(config: SearchConfig, outbox: Outbox, pause: Pause, close: Callable[[], StudyRecord]) -> StudyRecord:
    """Write what waits, then ``close``; a database that is away when the last training ends is waited for.

    Raises:
        InvalidInput: another driver has the study now, or the user does not wait for its database.
    """
    closed: list[StudyRecord] = []
    outbox.later(lambda: closed.append(close()))
    while not outbox.flush():
        if pause.superseded:
            raise InvalidInput(
                f"study {config.name} must have one driver, but its database was away for longer than its lease, and another"
                f" driver has taken it over; it goes on there:  {own_command('watch', config.study_directory)}"
            )
        if pause.immediate:
            raise InvalidInput(
                f"study {config.name}: what was reported last waits for its database, which does not answer; it is in the"
                f" checkpoints, and written by: {own_command('resume', config.study_directory)}"
            )
        time.sleep(1.0)
    return closed[-1]


class Recorder(tune.Callback):
    """Tells the mirror what Tune reports, and redraws the progress; it waits for neither.

    ``networks`` are those that this process knows, and ``clock`` gives seconds since 1970.
    """

    def __init__(
        self,
        config: SearchConfig,
        mirror: Mirror,
        progress: Progress,
        networks: TrialNetworks | None = None,
        *,
        allowance: Allowance | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._mirror, self._progress, self._clock, self._allowance = mirror, progress, clock, allowance
        self._reader = LiveReader(config, networks)
        self._shown = 0.0

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune stores its callbacks with the experiment, and the study is the record of this one."""
        return {}

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """News of a start, the first or a later one."""
        if self._allowance:
            self._allowance.start(trial.trial_id)
        self._tell(trial)

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        """News of an epoch, or a sentence for the screen."""
        if NOTE in result:
            self._progress.note(f"trial {trial.config['number']}: {result[NOTE]}")
            return
        self._mirror.tell(trial.config["number"])
        self._show(always=False)

    def on_trial_recover(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Say that a trial whose process died begins anew."""
        self._progress.note(f"trial {trial.config['number']}: its process died; it goes on from its last checkpoint")

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """News of an end."""
        self._tell(trial)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """News of a failure."""
        self._tell(trial)

    def _tell(self, trial: Trial) -> None:
        self._mirror.tell(trial.config["number"])
        self._show()

    def _show(self, *, always: bool = True) -> None:
        if always or time.monotonic() - self._shown > SECONDS_BETWEEN_DRAWINGS:
            self._shown = time.monotonic()
            # A database that is away is told by who writes to it.
            with contextlib.suppress(DATABASE_AWAY, InvalidInput):
                moment = self._reader.read(self._clock())
                self._progress.update(moment.study, spent=self._spent(moment), left=time_left(moment))

    def _spent(self, moment: StudySnapshot) -> str:
        """Return in words how much of the budget is spent by now; the account on disk is seconds old."""
        if self._allowance is None:
            return ""
        spent = self._allowance.account.spent()
        return spent_words(self._allowance.limits, spent, self._allowance.now(spent))


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


def _finish_tracking(mirror: Mirror, config: SearchConfig, console: Console) -> None:
    """One sentence where MLflow could not follow to the end."""
    lacking = mirror.lacks()
    if lacking:
        when = "takes it" if "refused: " in lacking else "answers"
        text = (
            f"MLflow at {mirror.tracker.shown} lacks {lacking}; the study has everything, and once the server {when}"
            f" this writes the rest:  {own_command('sync', config.study_directory)}"
        )
        console.print(text, style="yellow", highlight=False, markup=False, soft_wrap=True)
