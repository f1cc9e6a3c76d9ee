"""A search by shared weights directly: networks that rank first are scored, and the finalists among them trained first."""

from __future__ import annotations

import dataclasses

import numpy as np
from rich.console import Console

from dite_search.config.search_config import SearchConfig
from dite_search.study.directory import check_name
from dite_search.supernet.choice import networks_to_score
from dite_search.supernet.direct import promising, spread_over_costs
from dite_search.supernet.predictor import InheritedPredictor
from dite_search.supernet.use import used_scores
from dite_search.tasks.supernet.score_supernet import score_more, trained_supernet
from search_spaces.registry import cost_of
from search_spaces.supernet_config import DIRECT


def with_finalists(config: SearchConfig, *, file: str, console: Console) -> SearchConfig:
    """Return a search that trains the finalists of its shared weights first; as it is where it does not use them so.

    Args:
        config: The search.
        file: The search file, as commands name it.
        console: The place of the output.

    Raises:
        InvalidInput: the shared weights are not trained or not scored, or the scoring ends for a reason of its own.
    """
    settings = config.supernet_config
    if settings.use != DIRECT:
        return config
    check_name(config)
    trained = trained_supernet(config, file=file, console=console)
    space = config.search_space
    # Refuses where nothing was scored yet, or for another search.
    used_scores(config)
    drawn = networks_to_score(trained.elastic, settings.scored, config.seed)
    inherited = score_more(config, trained, drawn, console=console)
    # Forecasts follow from the networks of the search file, all of them and no others: each call has the same finalists.
    names = {arch.arch_id for arch in drawn}
    kept = tuple(each for each in inherited.networks if each.arch.arch_id in names)
    predictor = InheritedPredictor(space, dataclasses.replace(inherited, networks=kept))
    points = promising(trained.elastic, predictor.predict, settings.evaluated, config.seed)
    networks = [space.build(point) for point in points]
    values = score_more(config, trained, networks, console=console).values()
    known = [place for place, arch in enumerate(networks) if arch.arch_id in values]
    scores = np.array([values[networks[place].arch_id] for place in known])
    costs = np.array([float(cost_of(networks[place]).macs) for place in known])
    chosen = [known[place] for place in spread_over_costs(scores, costs, settings.finalists)]
    console.print(
        f"{len(chosen)} of {len(known)} networks with inherited scores are trained first, from"
        f" {costs.min() / 1e6:.3g} to {costs.max() / 1e6:.3g} MMACs",
        highlight=False,
        soft_wrap=True,
    )
    finalists = [dict(points[place]) for place in chosen]
    return config.replaced({"start_with": [*config.start_with, *finalists]}, file)
