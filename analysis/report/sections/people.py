"""The section "People in pictures" of a report, for the networks that it recommends."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from analysis.errors.drawing import draw_heatmaps, draw_person, encoded
from analysis.errors.gallery import choose
from analysis.errors.keypoint_errors import CLASSES, GOOD, GOOD_FROM, NEAR_FROM, PCK, UNLABELLED, advice, part_errors
from analysis.errors.matching import Judged, judged
from analysis.errors.people_groups import FAILED_BELOW, failures, group_errors, grouped, neighbours
from analysis.errors.predictions import ScoredPredictions, predictions_of
from analysis.pareto.budget_filter import within
from analysis.pareto.recommendations import recommendations
from analysis.report.elements.options import Setup
from analysis.report.elements.people import Gallery, NetworkPeople, People, Shown
from analysis.report.elements.section import Table
from analysis.study.labels import number_words, short
from analysis.study.records import StudyRecord, TrialRecord
from analysis.study.trial_checkpoint import checkpoint_file
from search_spaces.common.follow import UNSEEN, Follow
from search_spaces.common.objectives import format_value
from trainers.data.config import DataConfig
from trainers.evaluation.inference import predict_heatmaps
from trainers.networks.load import load_any_network
from trainers.processes.distributed import default_device

MAX_NETWORKS = 4
PEOPLE_EACH, FAILED_PEOPLE_EACH = 4, 2
"""People of the best, the middle and the worst each, and of each group of failures."""
MAX_CHARACTERS = 2_500_000
"""Characters of all pictures on the page: half of its 5 MB, as figures and trials take the rest."""
NO_OKS = "No pictures: errors are classed by object keypoint similarity, which data in MPII's format are not scored by."
INTRODUCTION = (
    "Validation people, with the truth thin and white and the prediction bold over it. Blue circles are the person's own"
    " left, vermilion squares the right, yellow diamonds neither. Only keypoints with a truth are drawn. A keypoint is good"
    f" where its similarity to the true place, its own term of OKS, is {GOOD_FROM} or more, and jitter from {NEAR_FROM}."
    f" Below that it is an inversion where it is {NEAR_FROM} or more similar to the same part on the person's other side. It"
    " is a swap where it is as similar to that part, on either side, of another person. It is a miss where nothing is near"
    " (after Ronchi and Perona, arXiv:1707.05388)."
)


def people_in_pictures(
    study: StudyRecord,
    setup: Setup,
    data: DataConfig,
    *,
    flip_test: bool,
    follow: Follow = UNSEEN,
) -> People:
    """The section for the recommended networks within the budget of ``setup``, at most `MAX_NETWORKS` of them.

    ``follow`` yields the networks again, and may show how far the work is.

    Raises:
        InvalidInput: a trial has no checkpoint, or the data cannot be read.
    """
    if not data.has_oks:
        return People(words=[NO_OKS])
    inside = within(study, setup.budget)
    found = [entry for entry in recommendations(inside) if entry.reason]
    if not found:
        return People(words=["No network is recommended, so there is nobody to show."])
    # The most accurate first, the others as the front has them, cheapest first.
    ranked = sorted(found, key=lambda entry: "most accurate" not in entry.reason)[:MAX_NETWORKS]
    networks = []
    for entry in follow(ranked):
        scored = predictions_of(study, entry.record, data, flip_test=flip_test, follow=follow.within)
        networks.append(_network(study, entry.record, entry.reason, scored, flip_test=flip_test))
    left = len(found) - len(ranked)
    words = [
        INTRODUCTION,
        *_sigma_words(data),
        *([f"{number_words(left, 'more recommended network')} not shown."] if left else []),
    ]
    return fitted(People(words=words, networks=networks))


def _sigma_words(data: DataConfig) -> list[str]:
    """Say what similarity is measured with, where the deviations are not the published ones of the data set."""
    known = data.keypoint_set
    if known == data.data_format.keypoint_set:
        return []
    return [f"Similarity is measured with sigmas of {known.sigma_words}, for the {known.count} keypoints of {known.name}."]


def fitted(people: People, limit: int = MAX_CHARACTERS) -> People:
    """The section with as many pictures as fit in ``limit`` characters, an equal share of them for each network."""
    if people.size <= limit:
        return people
    share = limit // len(people.networks)
    networks, dropped = [], 0
    for network in people.networks:
        left, galleries = share, []
        for gallery in network.galleries:
            kept = []
            for picture in gallery.pictures:
                if len(picture.uri) > left:
                    dropped += 1
                    continue
                left -= len(picture.uri)
                kept.append(picture)
            if kept or not gallery.pictures:
                galleries.append(dataclasses.replace(gallery, pictures=kept))
        networks.append(dataclasses.replace(network, galleries=galleries))
    note = f"{number_words(dropped, 'picture')} left out, for the page to stay small."
    return People(words=[*people.words, note], networks=networks)


def error_tables(found: Judged, names: Sequence[str]) -> list[Table]:
    """The errors by group of people and by keypoint."""
    groups = grouped(found.truth, found.areas, neighbours(found.crowd, found.crowd_images)[found.own])
    return [
        Table(
            title="Errors by group of people",
            columns=("people", "number", "mean OKS", f"OKS below {FAILED_BELOW}", *CLASSES),
            rows=[
                (
                    group.name,
                    str(group.people),
                    "–" if np.isnan(group.oks) else f"{group.oks:.3f}",
                    str(group.failed),
                    *(f"{group.shares[name]:.1%}" for name in CLASSES),
                )
                for group in group_errors(found.errors, groups)
            ],
            note="Classes are shares of the labelled keypoints. Overlap is with the box of another annotated person, by a"
            " tenth of their union or more.",
        ),
        Table(
            title="Error of each keypoint, the hardest first",
            columns=("keypoint", "people", "median error", *(f"within {limit}" for limit in PCK), "similarity", *CLASSES),
            rows=[
                (
                    part.name,
                    str(part.people),
                    f"{part.median:.3f}",
                    *(f"{share:.1%}" for share in part.within),
                    f"{part.similarity:.3f}",
                    *(f"{part.shares[name]:.1%}" for name in CLASSES),
                )
                for part in part_errors(found.errors, names)
            ],
            note="Errors are distances in lengths of the person's scale, the square root of its annotated area.",
        ),
    ]


def galleries_of(found: Judged, scored: ScoredPredictions) -> list[Gallery]:
    """The best, the middle and the worst by OKS, then those who failed by what is known of them; empty ones are left out."""
    oks = found.errors.oks
    chosen = choose(oks, PEOPLE_EACH)
    galleries = [
        _gallery(title, "", rows, found, scored)
        for title, rows in (
            ("Best by OKS", chosen.best),
            ("Median by OKS", chosen.median),
            ("Worst by OKS", chosen.worst[::-1]),
        )
    ]
    seen = {*chosen.best, *chosen.median, *chosen.worst}
    for name, rows in failures(found.errors, found.truth, found.areas).items():
        if not len(rows):
            continue
        fresh = [row for row in rows.tolist() if row not in seen][:FAILED_PEOPLE_EACH]
        seen.update(fresh)
        who = "1 person" if len(rows) == 1 else f"{len(rows)} people"
        shown = "the lowest that no other gallery shows" if fresh else "other galleries show them"
        galleries.append(
            _gallery(f"Failures: {name}", f"{who} with an OKS below {FAILED_BELOW}; {shown}.", fresh, found, scored)
        )
    return [gallery for gallery in galleries if gallery.pictures or gallery.note]


def alt_text(found: Judged, row: int, names: Sequence[str]) -> str:
    """A person's errors in words."""
    person, errors = found.people[row], found.errors
    classes: NDArray[np.int64] = errors.classes[row]
    parts = [f"{int((classes == GOOD).sum())} of {int((classes != UNLABELLED).sum())} keypoints good"]
    for place, name in enumerate(CLASSES[1:], start=1):
        members = [names[index].replace("_", " ") for index in np.flatnonzero(classes == place).tolist()]
        if members:
            parts.append(f"{name}: {', '.join(members)}")
    return f"Person {person.annotation_id} of {person.image_path.name}, OKS {errors.oks[row]:.2f}; {'; '.join(parts)}"


def _network(
    study: StudyRecord, record: TrialRecord, reason: str, scored: ScoredPredictions, *, flip_test: bool
) -> NetworkPeople:
    found, names = judged(scored), scored.dataset.keypoint_set.names
    accuracy = ", ".join(format_value(name, value) for name, value in scored.metrics.items() if name == scored.data.accuracy)
    title = f"Trial {record.number}: {reason}" + (f" ({short(scored.data.accuracy)} {accuracy})" if accuracy else "")
    if not len(found.rows):
        return NetworkPeople(title=title, words=["No prediction belongs to an annotated person."], tables=[], galleries=[])
    words = [advice(found.errors)]
    if found.unmatched:
        words.append(
            f"{found.unmatched} of {len(found.crowd)} annotated people have no prediction that belongs to them. The detector"
            " missed them, or their OKS is below 0.1. They are not counted here."
        )
    return NetworkPeople(
        title=title,
        words=words,
        tables=error_tables(found, names),
        galleries=[*galleries_of(found, scored), _heatmaps(study, record, scored, found, flip_test=flip_test)],
    )


def _gallery(title: str, note: str, rows: Sequence[int], found: Judged, scored: ScoredPredictions) -> Gallery:
    return Gallery(title=title, note=note, pictures=list(_pictures(rows, found, scored)))


def _pictures(rows: Sequence[int], found: Judged, scored: ScoredPredictions) -> Iterator[Shown]:
    dataset = scored.dataset
    for row in rows:
        index, person = int(found.rows[row]), found.people[row]
        assert person.keypoints is not None
        picture = draw_person(
            dataset.image(person),
            dataset.crop(index),
            scored.predictions.keypoints[index],
            person.keypoints,
            dataset.keypoint_set,
        )
        counts = found.errors.take([row]).counts()
        wrong = "".join(f", {counts[name]} {name}" for name in CLASSES[1:] if counts[name])
        caption = f"OKS {found.errors.oks[row]:.2f}{wrong}; {person.image_path.name}"
        yield Shown(webp=encoded(picture), caption=caption, alt=alt_text(found, row, dataset.keypoint_set.names))


def _heatmaps(
    study: StudyRecord, record: TrialRecord, scored: ScoredPredictions, found: Judged, *, flip_test: bool
) -> Gallery:
    """Show the heatmaps of the network for the person in the middle by OKS."""
    chosen = choose(found.errors.oks, 1)
    row = (chosen.median or chosen.best)[0]
    index, dataset = int(found.rows[row]), scored.dataset
    person, device = found.people[row], torch.device(default_device())
    _, network = load_any_network(checkpoint_file(study, record))
    permutation = dataset.keypoint_set.flip_permutation if flip_test else None
    with torch.inference_mode():
        images = dataset[index]["image"][None].to(device)
        maps = predict_heatmaps(network.to(device).eval(), images, permutation, dataset.codec.flip_shift)[0]
    crop, names = dataset.crop(index), dataset.keypoint_set.names
    values = maps.float().cpu().numpy()
    picture = draw_heatmaps(
        dataset.image(person), crop, values, dataset.codec.crop_matrix(crop), dataset.codec.input_size, names
    )
    highest = ", ".join(
        f"{name.replace('_', ' ')} {value:.2f}" for name, value in zip(names, values.max((1, 2)), strict=True)
    )
    return Gallery(
        title="Heatmaps of the person in the middle by OKS",
        note="The brighter, the surer; each is scaled by its own highest value, which stands above it.",
        pictures=[
            Shown(
                webp=encoded(picture),
                caption=f"OKS {found.errors.oks[row]:.2f}, {person.image_path.name}",
                alt=f"Heatmaps over person {person.annotation_id} of {person.image_path.name}; highest values: {highest}",
            )
        ],
        wide=True,
    )
