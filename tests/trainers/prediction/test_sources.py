"""Files, folders, globs and videos."""

from __future__ import annotations

import numpy as np
import pytest

from search_spaces.common.errors import InvalidInput
from tests.trainers.data.oriented import stored
from tests.trainers.prediction.media import RATE, pixels, write_picture, write_video
from trainers.prediction.sources import Source, find_sources, picture_pixels, video_frames


def test_paths_name_each_file_once_in_order(tmp_path):
    for name in ("b.png", "a.JPG", "below/c.png", ".hidden.png"):
        write_picture(tmp_path / name)
    (tmp_path / "notes.txt").write_text("x")
    video = write_video(tmp_path / "v.mp4", frames=3)

    def found(*paths):
        return [str(source.path.relative_to(tmp_path)) for source in find_sources(paths)]

    assert found(tmp_path) == ["a.JPG", "b.png", "v.mp4"]
    assert found(tmp_path / "b.png", tmp_path, str(tmp_path / "*.JPG")) == ["b.png", "a.JPG", "v.mp4"]
    assert found(str(tmp_path / "**" / "*.png")) == ["b.png", "below/c.png"]
    assert find_sources([video]) == [Source(path=video, frames=3, rate=RATE)]


def test_a_name_with_signs_of_a_glob_is_a_file_where_there_is_one(tmp_path):
    picture = write_picture(tmp_path / "odd[1].png")
    assert [source.path for source in find_sources([picture])] == [picture]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("none.jpg", "picture, video or folder not found: .*none.jpg"),
        ("empty", "folder .*empty must hold pictures or videos .* none of its 0 entries is one"),
        ("*.png", r"glob .*\*.png must match pictures or videos .* but matches none"),
        ("notes.txt", "notes.txt must be a picture or a video, whose name ends in .jpg, "),
        ("broken.mp4", "video .*broken.mp4 cannot be opened"),
    ],
)
def test_what_is_no_picture_is_told(tmp_path, capfd, path, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "broken.mp4").write_bytes(b"nothing" * 50)
    with pytest.raises(InvalidInput, match=message):
        find_sources([tmp_path / path])
    assert capfd.readouterr().err == "", "FFmpeg is silent"


def test_an_address_and_nothing_at_all_are_refused():
    with pytest.raises(InvalidInput, match="must be a file of this machine, got https://…"):
        find_sources(["https://me:secret@example.org/x.jpg"])
    with pytest.raises(InvalidInput, match="at least one picture or video"):
        find_sources([])


def test_a_video_is_read_to_its_end(tmp_path):
    (source,) = find_sources([write_video(tmp_path / "v.mp4", frames=4)])
    said = []
    frames = list(video_frames(source, note=said.append))
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * 4
    assert np.abs(frames[2].astype(int) - pixels(2)).mean() < 12, "lossy, but the frame that was written"
    assert said == []


def test_a_video_that_was_cut_says_how_far_it_goes(tmp_path):
    (source,) = find_sources([write_video(tmp_path / "v.mp4", frames=4)])
    said = []
    longer = Source(path=source.path, frames=9, rate=source.rate)
    assert len(list(video_frames(longer, note=said.append))) == 4
    assert said == [f"video {source.path} ends after 4 frames, of 9 that its file says"]


def test_a_picture_is_turned_as_the_data_reader_does(tmp_path):
    file = tmp_path / "turned.png"
    file.write_bytes(stored(pixels(0), 6))
    source = Source(path=file)
    assert np.array_equal(picture_pixels(source, None), pixels(0))
    assert picture_pixels(source, None, on_orientation="ignore").shape == (64, 48, 3)
    with pytest.raises(InvalidInput, match="must be stored upright where on_orientation is stop"):
        picture_pixels(source, None, on_orientation="stop")
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(InvalidInput, match="is truncated"):
        picture_pixels(source, None)
