"""A study beside the papers: what each published network scored here and there, and the protocol of both.

A difference of two scores says something only where both were had the same way. Everywhere else the published figure is
shown with what sets the two protocols apart, and the numbers are left uncompared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from analysis.study.labels import number_words, plain, quantity
from analysis.study.published_results import AP, BEGINNINGS, DETECTOR, PCKH, PUBLISHED, RECIPE_FIELDS, PublishedNetwork
from analysis.study.records import StudyRecord, TrialRecord
from analysis.study.trial_status import TrialStatus
from search_spaces.common.objectives import costs_and_scores, format_value
from search_spaces.families.architecture import Architecture, format_size, resized
from search_spaces.families.published import COCO_TEST, PAPER
from search_spaces.registry import family_of
from search_spaces.training_config import TrainConfig

BOXES = {"gt": "ground-truth boxes", "det": "detected boxes"}
UNRECORDED = "not recorded"
PUBLISHED_METRICS = {"ap_gt": (AP,), "ap_det": (AP,), "pckh50": (PCKH,)}
"""The published figures that stand beside each of our scores."""
LABELS = {
    "dataset": "data set",
    "train_split": "training split",
    "val_split": "validation split",
    "boxes": "boxes",
    "input_size": "input",
    "epochs": "epochs",
    "batch_size": "batch",
    "flip_test": "flip test",
}
"""Labels of the fields in which two protocols are compared, besides their hyper-parameters."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One published network and the trials of the study that train it.

    Args:
        published: The published network.
        record: The best complete trial, or the first where none is complete.
        trials: The number of trials.
        score: The score of the best complete trial; None where none is complete.
        differences: The differences of the study's protocol from the published one, in words. None of them makes it the
            same, as far as a study records it.
    """

    published: PublishedNetwork
    record: TrialRecord
    trials: int
    score: float | None
    differences: tuple[str, ...]

    @property
    def difference(self) -> float | None:
        """Our score minus the published one, under the same protocol only."""
        return None if self.score is None or self.differences else self.score - self.published.score


@dataclass(frozen=True, kw_only=True)
class ComparisonTable:
    """The comparisons as text, for any output.

    Args:
        title: The title.
        columns: Headings in words.
        names: Short headings of two lines, with the names of objectives.
        rows: The cells.
        notes: Sentences that belong below the table.
    """

    title: str
    columns: tuple[str, ...]
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def comparisons(study: StudyRecord) -> list[Comparison]:
    """Return every network of the study that a table of the papers holds, in the order of the tables.

    A network is found whatever its input size. A row of the same input size is preferred, then the table that holds most
    networks of the study, then the table with more digits.
    """
    scores = costs_and_scores(study.objectives)[1]
    if not scores:
        return []
    if "keypoints" in study.protocol:
        return []
    metrics = PUBLISHED_METRICS.get(scores[0], ())
    rows = [network for network in PUBLISHED if network.metric in metrics]
    trials: dict[tuple[str, str], list[TrialRecord]] = {}
    for record in sorted(study.trials, key=lambda record: record.number):
        trials.setdefault((record.arch.arch_id, _codec_of(study, record)), []).append(record)
    candidates = {key: _rows_of(group[0].arch, rows) for key, group in trials.items()}
    held = Counter(table for found in candidates.values() for table in {network.table for network in found})
    on_test = study.protocol.get("dataset") == COCO_TEST

    def preference(row: PublishedNetwork, codec: str) -> tuple[bool, bool, int, bool]:
        same_set = on_test == (row.dataset == COCO_TEST)
        return same_set, row.recipe.codec == codec, held[row.table], row.flops_unit == "M"

    chosen = [
        _comparison(study, scores[0], max(found, key=partial(preference, codec=codec)), trials[arch_id, codec])
        for (arch_id, codec), found in candidates.items()
        if found
    ]
    return sorted(chosen, key=lambda row: (row.published.table, PUBLISHED.index(row.published), row.record.number))


def comparison_table(study: StudyRecord) -> ComparisonTable | None:
    """The comparisons of a study as text; None where no published network was trained."""
    found = comparisons(study)
    if not found:
        return None
    score, metric = costs_and_scores(study.objectives)[1][0], found[0].published.metric
    marks: dict[tuple[str, ...], str] = {}
    for row in found:
        if row.differences:
            marks.setdefault(row.differences, f"other {_letter(len(marks))}")
    several = len({row.published.table for row in found}) > 1
    return ComparisonTable(
        title=f"Beside the published figures ({PAPER})",
        columns=(
            "network",
            "trial",
            f"ours: {quantity(score)}",
            f"paper: {quantity(metric)}",
            "difference",
            "protocol",
            "ours: FLOPs by the paper's count, in its unit",
            "paper: FLOPs as printed",
        ),
        names=(
            "network",
            "trial",
            f"our\n{score}",
            f"paper's\n{metric}",
            "differ-\nence",
            "protocol",
            "our\nFLOPs",
            "paper's\nFLOPs",
        ),
        rows=tuple(
            (row.published.name + (f", Table {row.published.table}" if several else ""), *_cells(row, score, marks))
            for row in found
        ),
        notes=(
            f"Our protocol: {protocol_words(study.protocol)}.",
            *_paper_protocols(found),
            *(f"{mark}, so not compared: {'; '.join(apart)}." for apart, mark in marks.items()),
            *_caveats(found),
        ),
    )


def differences(study: StudyRecord, record: TrialRecord, score: str, published: PublishedNetwork) -> tuple[str, ...]:
    """Describe how the protocol of a trial differs from a published one; a field without a record counts as different."""
    parameters = record.parameters
    ours: dict[str, Any] = {**study.protocol, "input_size": format_size(record.arch.input_size)}
    ours |= {name: parameters[name] for name in ("batch_size",) if name in parameters}
    found = [
        _apart(name, ours[name], value) if name in ours else f"{LABELS[name]} {UNRECORDED}"
        for name, value in published.protocol.items()
        if ours.get(name, UNRECORDED) != value
    ]
    if published.remark:
        found.append(published.remark)
    found += [f"{words} {ours[name]}" for name, words in BEGINNINGS.items() if name in ours]
    if score != published.metric and ours.get("boxes") == published.protocol["boxes"]:
        found.append(f"{quantity(score)}, not {quantity(published.metric)}")
    if "recipe_changes" not in ours:
        return (*found, f"hyper-parameters {UNRECORDED}")
    recipe = TrainConfig().to_dict() | dict(ours["recipe_changes"])
    recipe |= {name: value for name, value in parameters.items() if name in RECIPE_FIELDS}
    return (*found, *_recipe_differences(recipe, ours.get("epochs"), published))


def protocol_words(protocol: Mapping[str, Any], *, detector: str = "", other_epochs: str = "") -> str:
    """A protocol in one line; what is known of the detector, and of trainings of other lengths, stands in brackets."""
    boxes = protocol.get("boxes", f"boxes {UNRECORDED}")
    parts = [str(protocol.get("dataset", f"data set {UNRECORDED}"))]
    parts += [
        f"{verb} the {protocol[name]} split"
        for name, verb in (("train_split", "trained on"), ("val_split", "scored on"))
        if protocol.get(name, name.removesuffix("_split")) != name.removesuffix("_split")
    ]
    parts += [f"{name} {protocol[name]}" for name in ("split", "keypoints", "metric") if name in protocol]
    parts.append(BOXES.get(boxes, str(boxes)) + (f" ({detector})" if detector and boxes == "det" else ""))
    parts += [f"input {plain(protocol['input_size'])}"] if "input_size" in protocol else []
    if "epochs" in protocol:
        parts.append(_epochs(protocol["epochs"]) + (f" ({other_epochs})" if other_epochs else ""))
    parts += [f"batch {protocol['batch_size']}"] if "batch_size" in protocol else []
    parts += [f"{words} {protocol[name]}" for name, words in BEGINNINGS.items() if name in protocol]
    parts += ["flip test" if protocol["flip_test"] is True else "no flip test"] if "flip_test" in protocol else []
    return ", ".join(parts)


def _apart(name: str, ours: Any, paper: Any) -> str:
    shown = plain(ours)
    if name == "boxes":
        return f"{BOXES.get(ours, shown)}, not {BOXES[paper]}"
    if name == "flip_test":
        return "no flip test"
    return f"{_epochs(ours) if name == 'epochs' else f'{LABELS[name]} {shown}'}, not {paper}"


def _epochs(count: Any) -> str:
    return number_words(count, "epoch") if isinstance(count, int) else f"{plain(count)} epochs"


def _recipe_differences(recipe: Mapping[str, Any], epochs: Any, published: PublishedNetwork) -> list[str]:
    paper = published.recipe.to_dict()
    found = []
    for name in RECIPE_FIELDS:
        if name == "milestones":
            # Fractions of the training: the same epochs only where its length is the same, and that is told already.
            if epochs == published.epochs and tuple(round(part * epochs) for part in recipe[name]) != published.decay_epochs:
                found.append("other milestones of the learning rate")
        elif recipe[name] != paper[name]:
            found.append(f"{name.replace('_', ' ')} {plain(recipe[name])}, not {plain(paper[name])}")
    return found


def _rows_of(arch: Architecture, rows: list[PublishedNetwork]) -> list[PublishedNetwork]:
    """The published rows of a network, those of its own input size where there are some."""
    found = [
        row
        for row in rows
        if row.arch.FAMILY == arch.FAMILY
        and resized(arch, input_size=row.arch.input_size, keypoints=row.arch.keypoints).arch_id == row.arch.arch_id
    ]
    return [row for row in found if row.arch.input_size == arch.input_size] or found


def _codec_of(study: StudyRecord, record: TrialRecord) -> str:
    """Return the codec that a trial was trained with: a row of a table may have the same network with another."""
    usual = study.protocol.get("recipe_changes", {}).get("codec", TrainConfig().codec)
    return str(record.parameters.get("codec", usual))


def _comparison(study: StudyRecord, score: str, published: PublishedNetwork, trials: list[TrialRecord]) -> Comparison:
    complete = [record for record in trials if record.status is TrialStatus.COMPLETE and score in record.values]
    record = max(complete, key=lambda record: record.values[score]) if complete else trials[0]
    return Comparison(
        published=published,
        record=record,
        trials=len(trials),
        score=record.values[score] if complete else None,
        differences=differences(study, record, score, published),
    )


def _cells(row: Comparison, score: str, marks: Mapping[tuple[str, ...], str]) -> tuple[str, ...]:
    trial = str(row.record.number)
    if row.trials > 1:
        trial += f" (best of {row.trials})"
    if row.score is None:
        trial += f" ({row.record.status})"
    return (
        trial,
        format_value(score, row.score),
        format_value(row.published.metric, row.published.score),
        "–" if row.difference is None else f"{row.difference:+.3f}",
        marks.get(row.differences, "same"),
        row.published.counted_cost(row.record.cost),
        row.published.printed_cost,
    )


def _paper_protocols(found: list[Comparison]) -> list[str]:
    """One line for each published protocol; networks trained for another time than most are named in it."""
    groups: dict[tuple[int, str], list[PublishedNetwork]] = {}
    for row in found:
        protocol = row.published.protocol
        words = protocol_words(protocol | ({"epochs": ""} if "epochs" in protocol else {}))
        groups.setdefault((row.published.table, words), []).append(row.published)
    lines = []
    for (table, _), networks in groups.items():
        usual = Counter(network.epochs for network in networks).most_common(1)[0][0]
        if not usual:
            lines.append(f"Paper, Table {table}: {protocol_words(networks[0].protocol, detector=DETECTOR)}.")
            continue
        others = "; ".join(f"{network.name}: {network.epochs}" for network in networks if network.epochs != usual)
        protocol = networks[0].protocol | {"epochs": usual}
        lines.append(f"Paper, Table {table}: {protocol_words(protocol, detector=DETECTOR, other_epochs=others)}.")
    return lines


def _caveats(found: list[Comparison]) -> list[str]:
    notes = []
    if any(row.difference is not None for row in found):
        boxes = any(row.published.protocol["boxes"] == "det" for row in found)
        detector = " A study does not record which detector its boxes are from." if boxes else ""
        notes.append(
            f"same: the same in all of this and in the hyper-parameters. A small difference may be chance.{detector}"
        )
    counts = dict.fromkeys(family_of(row.published.arch) for row in found)
    notes += [f"FLOPs of the {family.label} family count {family.published_count}." for family in counts]
    if len({family.published_count for family in counts}) > 1:
        notes.append("FLOPs of families that are counted in other ways cannot be compared with each other.")
    return notes


def _letter(index: int) -> str:
    return chr(ord("a") + index) if index < 26 else str(index + 1)
