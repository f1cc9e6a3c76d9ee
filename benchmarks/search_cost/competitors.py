"""The competitors: peers as their users run them, this search, and this search with its parts switched off in turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Group = Literal["peer", "ours", "part"]


@dataclass(frozen=True, kw_only=True)
class MoashaSettings:
    """The options of Syne Tune's MOASHA; the defaults are its own.

    ``documented`` takes the priority that its documentation describes in place of the one in version 0.16
    (`benchmarks.search_cost.peers.moasha`).
    """

    grace_period: int = 1
    reduction_factor: float = 3
    brackets: int = 1
    documented: bool = False


@dataclass(frozen=True, kw_only=True)
class Competitor:
    """One row of the table.

    Args:
        name: The name of the row.
        label: Its label in the table.
        group: The kind of competitor.
        changes: Fields of the search file, on top of the recorded one's.
        gated: Whether a budget is told to the search (`benchmarks.search_cost.runs`).
        moasha: The variant of MOASHA, for which the fields of the search file do not apply.
        qnehvi: Whether BoTorch's qLogNEHVI takes the place of the sampler.
        seeds: The most seeds that are affordable, where a search takes minutes.
        worth: The full trainings' worth of epochs at which its recordings end.
        packages: The packages whose versions decide what the search does.
    """

    name: str
    label: str
    group: Group
    changes: Mapping[str, Any] = field(default_factory=dict)
    gated: bool = True
    moasha: MoashaSettings | None = None
    qnehvi: bool = False
    seeds: int | None = None
    worth: int = 100
    packages: tuple[str, ...] = ("numpy", "optuna")


PLAIN: Mapping[str, Any] = {"scheduler": {"name": "none"}, "reuse": False}
"""Ray Tune with Optuna: every trial runs to its last epoch, and a network that comes again is trained again."""

OURS_PACKAGES = ("numpy", "optuna", "scikit-learn")
OURS_CHANGES: Mapping[str, Any] = {"sampler": {"name": "cost_aware"}, "scheduler": {"name": "pareto"}, "reuse": True}


def _peer(name: str, label: str) -> Competitor:
    return Competitor(name=name, label=label, group="peer", changes={**PLAIN, "sampler": {"name": name}}, gated=False)


def _part(name: str, label: str, **changes: Any) -> Competitor:
    return Competitor(name=name, label=label, group="part", changes={**OURS_CHANGES, **changes}, packages=OURS_PACKAGES)


COMPETITORS: tuple[Competitor, ...] = (
    _peer("random", "random search"),
    _peer("tpe", "Optuna TPE"),
    _peer("nsga2", "Optuna NSGA-II"),
    _peer("gp", "Optuna GP"),
    Competitor(name="moasha", label="Syne Tune MOASHA", group="peer", gated=False, moasha=MoashaSettings()),
    Competitor(
        name="moasha_best",
        label="MOASHA, best settings",
        group="peer",
        gated=False,
        moasha=MoashaSettings(grace_period=3, documented=True),
    ),
    Competitor(name="ours", label="this search", group="ours", changes=OURS_CHANGES, packages=OURS_PACKAGES),
    _part("random_sampler", "sampler random", sampler={"name": "random"}),
    _part("tpe_sampler", "sampler tpe", sampler={"name": "tpe"}),
    _part("no_scheduler", "scheduler none", scheduler={"name": "none"}),
    _part("no_reuse", "reuse false", reuse=False),
    _part("random_reuse", "sampler random, scheduler none", sampler={"name": "random"}, scheduler={"name": "none"}),
)


def within_budget() -> tuple[Competitor, ...]:
    """The rows of the second table: who is told of a budget, and who spends on networks beyond it."""
    by_name = {competitor.name: competitor for competitor in COMPETITORS}
    ours, random = by_name["ours"], by_name["random"]
    return (
        random,
        Competitor(name="random_gated", label="random search, gate on", group="peer", changes=random.changes),
        ours,
        Competitor(name="ours_ungated", label="gate off", group="part", changes=ours.changes, gated=False),
    )


SLOW_WORTH = 50
"""Where recordings of searches end whose every suggestion takes seconds."""
QNEHVI = Competitor(
    name="qnehvi",
    label="BoTorch qLogNEHVI, same candidates",
    group="peer",
    changes={"sampler": {"name": "random"}, "scheduler": {"name": "none"}, "reuse": True},
    qnehvi=True,
    seeds=20,
    worth=SLOW_WORTH,
    packages=("numpy", "botorch", "gpytorch"),
)
"""The peer that chooses from the candidates of this search, with their exact costs."""


def judged() -> tuple[Competitor, ...]:
    """The rows of the page of all tables: this search, and every peer."""
    by_name = {competitor.name: competitor for competitor in COMPETITORS}
    moasha = [replace(by_name[name], packages=("numpy", "syne-tune")) for name in ("moasha", "moasha_best")]
    gp = replace(by_name["gp"], seeds=20, worth=SLOW_WORTH)
    return (by_name["ours"], by_name["random"], by_name["tpe"], by_name["nsga2"], *moasha, gp, QNEHVI)
