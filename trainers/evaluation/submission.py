"""Results as the COCO server takes them: for test-dev2017, whose annotations nobody else has."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import atomic_path, write_text
from trainers.evaluation.results import Result

PIXEL_DIGITS, SCORE_DIGITS = 1, 6
"""Digits after the point: COCO asks for tenths of a pixel (https://cocodataset.org/#format-results)."""

_WHOLE = re.compile(r"person_keypoints_test-dev2017_(.+)_results")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def submission_files(dump: Path) -> tuple[Path, Path]:
    """The JSON and the zip file of a submission beside ``dump``, whose stem names the method, alone or in the whole name.

    The server wants ``person_keypoints_test-dev2017_METHOD_results`` (https://cocodataset.org/#upload). Raises InvalidInput
    for a method that does not fit in it.
    """
    whole = _WHOLE.fullmatch(dump.stem)
    method = whole[1] if whole else dump.stem
    if not _NAME.fullmatch(method):
        raise InvalidInput(
            f"a submission must be named by letters, digits, '.', '_' and '-', as in my-network.json, got {dump.name!r}"
        )
    stem = f"person_keypoints_test-dev2017_{method}_results"
    return dump.with_name(f"{stem}.json"), dump.with_name(f"{stem}.zip")


def write_submission(dump: Path, results: Sequence[Result]) -> tuple[Path, Path]:
    """Write the results rounded, with the visibility 1 that the format asks for, as a JSON file and that file zipped."""
    json_file, zip_file = submission_files(dump)
    # Without spaces: a whole submission is some hundred thousand people.
    write_text(json_file, json.dumps([_entry(result) for result in results], allow_nan=False, separators=(",", ":")))
    with atomic_path(zip_file) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(json_file, json_file.name)
    return json_file, zip_file


def _entry(result: Result) -> Result:
    points = result["keypoints"]
    keypoints: list[float] = []
    for x, y in zip(points[0::3], points[1::3], strict=True):
        keypoints += [round(x, PIXEL_DIGITS), round(y, PIXEL_DIGITS), 1]
    return Result(
        image_id=result["image_id"],
        category_id=result["category_id"],
        keypoints=keypoints,
        score=round(result["score"], SCORE_DIGITS),
    )
