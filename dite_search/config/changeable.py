"""The fields of a search file that may change while its study goes on."""

from __future__ import annotations

from search_spaces.training_config import COMPUTATION

CHANGEABLE: dict[str, str] = {
    "trials": "how many networks are asked for; `extend` adds to it",
    "spend": "what the search may take; `extend` adds to it",
    "sampler": "who suggests from now on; only to and from `grid` it cannot change, whose points are laid out at the start",
    "scheduler": "which trials end early from now on",
    "supernet": "how weights are trained that networks of the space share, which is no part of a trial",
    "reuse": "whether networks that were trained are trained again from now on",
    "warm_start.published": "the tables that guide the sampler from now on",
    "resources": "what one trial takes, workers included",
    "max_concurrent": "trials at once",
    "retries": "new starts of a trial whose process died",
    "data.root": "another place of the same data: the annotation files must hold the same",
    **{
        f"data.{name}": "another place of the same data: the files must hold the same"
        for name in ("train", "val", "test", "annotations", "images", "split")
    },
    "data.detections": "another place of the same detections: the file must hold the same",
    "data.prepared": "where the prepared pictures lie",
    "data.workers": "loader processes",
    "data.on_broken_image": "what becomes of a training at a broken image",
    "latency": "how latency is measured; where `latency_ms` is an objective or has a limit, `warmup` and `runs` alone",
    "directory": "the folder of the studies, which may be moved or copied; a study's own folder may be renamed",
    "checkpoints": "another place, to which the checkpoints so far were moved",
    "study_url": "another database, to which the study was copied",
    "mlflow_url": "another tracking server; `dite-search sync` writes the study to it",
    **{f"training.{name}": "how steps are computed, not what is learned" for name in COMPUTATION},
}
"""Fields and sections of a study's search file that may change between a search and what goes on with it, and what for.

Every other field stays as it was. Low and high of a range may change too, while every earlier trial lies between them.
"""
