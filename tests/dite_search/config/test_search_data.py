"""Where the data of a search comes from, and what its driver says of the time left."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import psutil
import pytest
from rich.console import Console

from dite_search.config.search_data import check_data, data_of
from dite_search.driver.run_search import Recorder
from dite_search.driver.searcher import StudySearch
from dite_search.monitor.progress_table import Progress
from dite_search.monitor.snapshot import LiveReader, eta, eta_words
from dite_search.storage.lease import Lease
from dite_search.storage.pause import Pause
from dite_search.study.study import create_study, storage_of
from trainers.data.images.orientation import with_orientation
from trainers.data.prepared.prepare import SplitToPrepare, prepare
from trainers.data.prepared.prepared_set import standard_directory


def test_drawn_data_is_drawn_once_for_all_studies(make_search):
    first, second = data_of(make_search()), data_of(make_search(name="other"))
    assert first == second
    assert first.root.is_relative_to(make_search().study_directory.parent)
    assert len(first.people("val")) >= 8


def test_searches_that_start_at_once_draw_one_data_set(make_search):
    start = threading.Barrier(3)

    def drawn(name):
        config = make_search(name=name)
        start.wait(timeout=30)
        return data_of(config)

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(drawn, ("one", "two", "three")))
    assert found[0] == found[1] == found[2]
    assert [path.name for path in found[0].root.parent.iterdir()] == [found[0].root.name]


def test_data_on_disk_is_taken_as_it_is(make_search, tmp_path):
    data = data_of(make_search(data={"root": str(tmp_path), "name": "mine", "val_split": "train", "workers": 3}))
    assert (data.root, data.name, data.val_split, data.workers) == (tmp_path, "mine", "train", 3)


def test_a_prepared_set_keeps_the_warning_of_images_that_are_turned(make_search):
    config = make_search()
    data = data_of(config)
    for image in data.image_dir("val").iterdir():
        image.write_bytes(with_orientation(image.read_bytes(), 3))
    before = [(note.topic, note.count) for note in check_data(config, data).notes]
    size = config.search_space.base.input_size
    prepare(
        [SplitToPrepare(name="val", annotation_file=data.annotations, people=data.people("val"))],
        root=data.root,
        output=standard_directory(data.root, size),
        format=data.format,
        keypoint_set=data.keypoint_set,
        input_size=size,
    )
    assert before == [("orientation", 8)]
    assert [(note.topic, note.count) for note in check_data(config, data).notes] == before


@pytest.mark.filterwarnings("ignore")
def test_a_driver_says_what_a_watcher_is_told_of_the_time_left(make_search):
    config = make_search(trials=12, sampler={"name": "random"}, scheduler={"name": "none"})
    create_study(config)
    search, screen = StudySearch(config), io.StringIO()
    began = psutil.Process().create_time()
    for name in "abcd":
        # Trials of an earlier start, over before the present driver began.
        search.suggest(name)
        search._ot_trials[name].set_user_attr("started", began - 36_000)
        for epoch in (1, 2):
            search.on_trial_result(name, {"epoch": epoch, "ap_gt": 0.1, "seconds": 1.0 * epoch})
        search.on_trial_complete(name, {"epoch": 2, "ap_gt": 0.1, "seconds": 2.0})
    for name in ("left", "right"):
        # Two at once.
        suggestion = search.suggest(name)
        search._ot_trials[name].set_user_attr("started", began)
        search.on_trial_result(name, {"epoch": 1, "ap_gt": 0.1, "seconds": 590.0})
    now = began + 600
    with Lease(config.name, storage_of(config)).held(Pause()):
        mirror = SimpleNamespace(tell=lambda number: None)
        with Progress(Console(file=screen, width=200), trials=12, epochs=2) as progress:
            recorder = Recorder(config, mirror, progress, clock=lambda: now)
            recorder.on_trial_start(0, [], SimpleNamespace(config=suggestion))
        moment = LiveReader(config).read(now)
    # Six trials to come and two half-done: 14 epochs, of which two end in every ten minutes.
    assert eta(moment) == pytest.approx(7 * 600)
    assert eta_words(moment) == "about 1.2 h left"
    assert ", about 1.2 h left]" in screen.getvalue().splitlines()[-1]
