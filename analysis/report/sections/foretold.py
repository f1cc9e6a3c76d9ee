"""The forecast of a supernet: the inherited ranks of the trained networks beside their results."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

from analysis.report.elements.options import Setup
from analysis.report.elements.section import Section, Table
from analysis.statistics.agreement import LEAST_NETWORKS, agreement_of
from analysis.study.labels import quantity
from analysis.study.records import StudyRecord
from analysis.study.trial_status import TrialStatus
from search_spaces.common.objectives import costs_and_scores, format_value, gain

SHOWN_NETWORKS = 12
"""Networks of the table: those that the supernet ranked first."""


def foretold_section(study: StudyRecord, setup: Setup) -> Section | None:
    """Return the agreement of results with inherited scores; None where there are no scores."""
    scores = costs_and_scores(study.objectives)[1]
    if not setup.inherited or not scores:
        return None
    results = _results(study, scores[0])
    known = sorted(set(results) & set(setup.inherited), key=lambda arch_id: -setup.inherited[arch_id])
    words = [_agreement_words(known, setup.inherited, results, scores[0])]
    if not known:
        return Section(words=words)
    ranked = {arch_id: place for place, arch_id in enumerate(sorted(known, key=lambda name: -results[name]), start=1)}
    rows = [
        [arch_id, str(place), str(ranked[arch_id]), format_value(scores[0], gain(scores[0], results[arch_id]))]
        for place, arch_id in enumerate(known[:SHOWN_NETWORKS], start=1)
    ]
    table = Table(
        title="Networks by the rank that they inherit",
        columns=["network", "rank inherited", "rank trained", quantity(scores[0])],
        rows=rows,
        note="Only the rank of an inherited score is shown: the score itself is no accuracy of the network.",
    )
    return Section(words=words, tables=[table])


def _results(study: StudyRecord, accuracy: str) -> dict[str, float]:
    """Return the accuracy by network, a mean over its seeds, larger where better."""
    found: dict[str, list[float]] = {}
    for record in study.trials:
        if record.status is TrialStatus.COMPLETE and accuracy in record.values:
            found.setdefault(record.arch.arch_id, []).append(gain(accuracy, record.values[accuracy]))
    return {arch_id: fmean(values) for arch_id, values in found.items()}


def _agreement_words(known: list[str], inherited: Mapping[str, float], results: Mapping[str, float], accuracy: str) -> str:
    agreement = agreement_of([inherited[name] for name in known], [results[name] for name in known])
    if agreement is None:
        return (
            f"Shared weights scored {len(inherited)} networks of the space, and {len(known)} of them were trained to their"
            f" last epoch here. At least {LEAST_NETWORKS} that differ are needed to say how the ranks agree."
        )
    return (
        f"Shared weights scored {len(inherited)} networks of the space. Their ranks agree with the trained"
        f" {quantity(accuracy)} by Spearman's {agreement}. Cost alone often explains much of such an agreement."
    )
