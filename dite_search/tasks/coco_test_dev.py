"""Predictions on COCO's test-dev2017, whose annotations are not public, as a submission to the server that has them."""

from __future__ import annotations

from pathlib import Path

from dite_search.tasks.network_reference import NetworkReference
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import check_output
from search_spaces.families.architecture import resized
from trainers.data.annotations.keypoints import COCO17
from trainers.data.formats.coco import detected_people, test_dev_split
from trainers.data.formats.coco_file import read_image_info
from trainers.data.formats.data_format import COCO, FORMATS, TEST_DEV
from trainers.data.samples.dataset import TopDownDataset
from trainers.data.samples.datasets import codec_for
from trainers.evaluation.inference import predict
from trainers.evaluation.results import coco_results
from trainers.evaluation.submission import submission_files, write_submission
from trainers.processes.distributed import default_device

SCORED_ELSEWHERE = "Only the COCO server can score test-dev2017: upload the zip file there."


def submit_one(
    network: NetworkReference,
    root: str,
    data_format: str,
    detections: str | None,
    dump: str | None,
    *,
    flip_test: bool,
    input_size: str | None,
    on_orientation: str,
) -> dict[str, str | int]:
    """Write the submission of a network beside ``dump``: what was counted, and where its two files are.

    Raises:
        InvalidInput: something is not given, missing or broken, the network is not for COCO's keypoints, or ``dump`` names
            no method.
    """
    if FORMATS[data_format] is not COCO:
        raise InvalidInput(f"--split {TEST_DEV} is a split of COCO's, so --format must be {COCO.name}, got {data_format}")
    if detections is None or dump is None:
        missing = "--detections, the people to estimate" if detections is None else "--dump, where to write the submission"
        raise InvalidInput(f"--split {TEST_DEV}, whose annotations are not public, needs {missing}")
    for file in submission_files(Path(dump)):
        check_output(file)
    trained = network.load()
    arch = resized(trained.arch, input_size=input_size)
    if arch.keypoints != COCO17.count:
        raise InvalidInput(f"keypoints of the network must be {COCO17.count}, as in {COCO17.name}, got {arch.keypoints}")
    where = test_dev_split(Path(root))
    people = detected_people(read_image_info(where.annotation_file), Path(detections), where.image_dir)
    codec = codec_for(arch, trained.train)
    dataset = TopDownDataset(
        people, codec, keypoint_set=COCO17, on_orientation=on_orientation, normalisation=arch.NORMALISATION
    )
    device = default_device()
    results = coco_results(dataset, predict(trained.network.to(device), dataset, flip_test=flip_test, device=device))
    results_file, zip_file = write_submission(Path(dump), results)
    return {
        "images": len({result["image_id"] for result in results}),
        "people": len(results),
        "results": str(results_file),
        "zip": str(zip_file),
    }
