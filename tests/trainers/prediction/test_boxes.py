"""Boxes of files, of numbers, and of nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from search_spaces.common.errors import InvalidInput
from tests.trainers.prediction.media import picture_source, pixels, write_video
from trainers.data.annotations.keypoints import COCO17
from trainers.data.config import DataConfig
from trainers.prediction.boxes import (
    PersonBoxes,
    annotated_boxes,
    detected_boxes,
    given_boxes,
    parse_box,
    whole_pictures,
)
from trainers.prediction.sources import Frame, Source, find_sources


def frame(source: Source, image_id: int = 1) -> Frame:
    return Frame(source=source, image_id=image_id, pixels=pixels(0))


def sized(boxes: PersonBoxes, source: Source) -> Frame:
    return Frame(source=source, image_id=boxes.ids[source.path], pixels=pixels(0, boxes.sizes[source.path]))


def coco(images, annotations=(), categories=({"id": 1, "name": "person"},)):
    return {
        "images": [{"id": number, "file_name": name, "height": 48, "width": 64} for number, name in images.items()],
        "annotations": [
            {"id": number, "image_id": image, "category_id": category, "bbox": box, "area": 1.0, "iscrowd": 0}
            for number, (image, category, box) in enumerate(annotations, 1)
        ],
        "categories": list(categories),
    }


def written(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def detection(image_id, box, score=0.9, category=1):
    return {"image_id": image_id, "category_id": category, "bbox": box, "score": score}


def test_the_whole_picture_is_a_box_with_a_note(tmp_path):
    source = picture_source(tmp_path / "a.png")
    boxes = whole_pictures([source])
    assert [person.box for person in boxes.find(frame(source))] == [(0, 0, 64, 48)]
    assert boxes.notes == ("no boxes were given, so the whole picture is taken for the box of one person",)
    assert not boxes.drops_duplicates


def test_given_boxes_are_in_every_picture(tmp_path):
    source = picture_source(tmp_path / "a.png")
    assert [person.box for person in given_boxes([source], [(-3, 2, 20, 30)]).find(frame(source))] == [(-3, 2, 20, 30)]
    with pytest.raises(InvalidInput, match=r"must show some of .*a.png, of 64 x 48 pixels, got 70,0,5,5"):
        given_boxes([source], [(70, 0, 5, 5)]).find(frame(source))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2,3", "must be x,y,width,height in pixels, as in 10,20,64,128, got '1,2,3'"),
        ("1,2,x,4", "must be x,y,width,height"),
        ("1,2,0,4", "must have a width and a height above 0, got 1,2,0,4"),
        ("1,nan,3,4", "must be 4 numbers up to 1e\\+15, got 1,nan,3,4"),
        ("1,2,3,1e16", "must be 4 numbers up to"),
    ],
)
def test_a_wrong_box_is_told(text, message):
    with pytest.raises(InvalidInput, match=message):
        parse_box(text)
    assert parse_box("-1.5,2,3e1,4") == (-1.5, 2, 30, 4)


def test_annotated_people_are_those_of_an_evaluation(coco_mini):
    data = DataConfig(root=coco_mini)
    sources = find_sources([coco_mini / "val2017"])
    boxes = annotated_boxes(sources, data.annotations, COCO17)
    found = [person for source in boxes.sources for person in boxes.find(sized(boxes, source))]
    expected = data.validation_people()
    assert sorted((person.image_path.name, person.box) for person in found) == sorted(
        (person.image_path.name, person.box) for person in expected
    )
    assert boxes.notes == ()


def test_a_file_of_boxes_alone_serves(tmp_path):
    sources = [picture_source(tmp_path / "x" / name) for name in ("a.png", "b.png")]
    people = [(7, 1, [1, 2, 3, 4]), (7, 2, [0, 0, 9, 9]), (7, 1, [60, 2, 30, 4])]
    names = ({"id": 1, "name": "person"}, {"id": 2, "name": "dog"})
    file = written(tmp_path / "boxes.json", coco({7: "x/a.png"}, people, names))
    boxes = annotated_boxes(sources, file, COCO17)
    assert [source.path.name for source in boxes.sources] == ["a.png"]
    assert boxes.notes == (f"1 of 2 pictures are left out, which {file} does not list",)
    assert [person.box for person in boxes.find(frame(sources[0], 7))] == [(1, 2, 3, 4), (60, 2, 3, 4)]
    dogs = annotated_boxes(sources, file, COCO17, category="dog")
    assert [person.box for person in dogs.find(frame(sources[0], 7))] == [(0, 0, 9, 9)]
    with pytest.raises(InvalidInput, match=r"must have a category cat, got 1 .*--category names that of people"):
        annotated_boxes(sources, file, COCO17, category="cat")


def test_detections_are_matched_by_a_file_by_numbers_or_by_frames(tmp_path):
    found = written(tmp_path / "found.json", [detection(3, [1, 2, 3, 4]), detection(4, [5, 5, 5, 5], 0.1)])
    listed = written(tmp_path / "images.json", coco({3: "a.png", 4: "b.png"}))
    sources = [picture_source(tmp_path / name) for name in ("a.png", "b.png")]
    boxes = detected_boxes(sources, found, annotations=listed)
    assert [len(boxes.find(frame(source, boxes.ids[source.path]))) for source in sources] == [1, 1]
    sure = detected_boxes(sources, found, annotations=listed, min_score=0.5)
    assert [len(sure.find(frame(source, sure.ids[source.path]))) for source in sources] == [1, 0]
    numbered = [picture_source(tmp_path / "0003.png")]
    boxes = detected_boxes(numbered, found)
    assert (boxes.ids, boxes.sizes) == ({numbered[0].path: 3}, {})
    assert [person.score for person in boxes.find(frame(numbered[0], 3))] == [0.9]
    video = find_sources([write_video(tmp_path / "v.mp4", frames=4)])
    boxes = detected_boxes(video, found)
    assert [len(boxes.find(frame(video[0], number))) for number in (1, 3, 4)] == [0, 1, 1]


def test_detections_that_fit_no_picture_are_told(tmp_path):
    found = written(tmp_path / "found.json", [detection(3, [1, 2, 3, 4])])
    a = picture_source(tmp_path / "a.png")
    twins = [picture_source(tmp_path / "0003.png"), picture_source(tmp_path / "x" / "3.png")]
    same = [twins[1], picture_source(tmp_path / "y" / "3.png")]
    video = find_sources([write_video(tmp_path / "v.mp4", frames=2)])
    listed = written(tmp_path / "images.json", coco({3: "c.png"}))
    for sources, file, message in (
        (
            [a],
            None,
            r"names pictures by numbers, which the names .* give a COCO file that lists them, too \(--annotations\)",
        ),
        ([a, *video], None, "must be of pictures or of one video, got 2 files with a video"),
        ([a], listed, "images.json must list the pictures by their file names, but lists none of 1"),
        (twins, None, r"x/3\.png and 0003\.png must not both be image 3 of .*found.json"),
        (same, None, "must be two images of the given pictures, but both are its image 3"),
        (video, listed, "must be of pictures, or detections of one video, got video .*v.mp4"),
    ):
        with pytest.raises(InvalidInput, match=message):
            detected_boxes(sources, found, annotations=file)
    repeated = coco({3: "a.png", 4: "a.png"})
    with pytest.raises(InvalidInput, match=r"must list .*a\.png once, but has 2 images of that name"):
        detected_boxes([a], found, annotations=written(tmp_path / "twice.json", repeated))
