"""The front: the axes of its figure, and the published networks beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from analysis.pareto.front import scored
from analysis.pareto.recommendations import axis_costs
from analysis.report.elements.figures import front_layout, published_figure
from analysis.report.elements.script import script_safe
from analysis.study.labels import quantity
from analysis.study.published_results import published_for
from analysis.study.records import StudyRecord
from search_spaces.common.objectives import OBJECTIVES, costs_and_scores


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One cost that the accuracy is drawn against."""

    cost: str
    words: str
    json: Markup
    note: str


def better_side(study: StudyRecord) -> str:
    """Say to which side of the figure networks are better."""
    costs = axis_costs(study)
    right = [quantity(name) for name in costs if OBJECTIVES[name].is_better_high]
    scores = costs_and_scores(study.objectives)[1]
    up = "Up" if not scores or OBJECTIVES[scores[0]].is_better_high else "Down"
    if len(right) == len(costs):
        return f"{up} and to the right is better."
    return f"{up} and to the left is better{', but to the right of ' + ' and '.join(right) if right else ''}."


def front_axes(study: StudyRecord) -> list[Axis]:
    """The first accuracy against each cost, where there is a trial to show."""
    scores = costs_and_scores(study.objectives)[1]
    if not scored(study) or not scores:
        return []
    published = published_for(study)
    epochs = " or ".join(map(str, sorted({network.epochs for network in published})))
    own = study.protocol.get("epochs")
    trained = f", here for {own}" if own else ""
    note = (
        f"Blue diamonds are published networks, scored under the same test protocol; they were trained for {epochs} epochs"
        f"{trained}. Their accuracy is the paper's, their cost our count."
        if published
        else ""
    )
    axes = []
    for cost in axis_costs(study):
        figure: Any = front_layout(study, cost, scores[0])
        figure.add_traces(published_figure(published, cost, scores[0]).data)
        axes.append(Axis(cost=cost, words=quantity(cost), json=script_safe(figure.to_json()), note=note))
    return axes
