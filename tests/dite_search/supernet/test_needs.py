"""The needs of shared weights in words."""

from __future__ import annotations

from collections.abc import Callable

from dite_search.config.search_config import SearchConfig
from dite_search.doctor.requirements import Ready, requirements
from dite_search.supernet.needs import supernet_words
from search_spaces.space.elastic_space import elastic_space
from tests.dite_search.supernet.test_use import write_scores
from trainers.networks.registry import shared_weights


def test_memory_and_epochs_are_those_of_the_store(make_search: Callable[..., SearchConfig]) -> None:
    config = make_search(space="tiny_128", supernet={"epochs": 20, "subnets_per_step": 4})
    elastic = elastic_space(config.search_space)
    numbers = sum(weight.numel() for weight in shared_weights(elastic.largest, elastic.envelope).parameters())
    words = supernet_words(config)
    assert words.startswith(f"{numbers / 1e6:.3g} million shared weights take {20 * numbers / 2**20:.0f} MiB")
    assert words.endswith("as long as one network in 80 epochs")
    write_scores(config)
    assert supernet_words(config).endswith("; a score took 0.0 s")


def test_the_doctor_says_them_and_asks_for_scores_where_they_are_used(make_search: Callable[..., SearchConfig]) -> None:
    plain = make_search(space="tiny_128")
    assert not [each for each in requirements(plain, new=True) if each.name.startswith("supernet")]
    config = make_search(space="tiny_128", supernet={"use": "prior"})
    write_scores(config)
    found = {each.name: each for each in requirements(config, new=True)}
    ready = Ready(config, lambda config: None)  # type: ignore[arg-type, return-value]
    assert "million shared weights take" in found["supernet"].check(ready)
    assert "supernet scores" in found
