"""Samplers by their names in a search file."""

from __future__ import annotations

import sys
import types

import optuna
import pytest

from dite_search.algorithms.admission import gate_of
from dite_search.algorithms.samplers import sampler_of
from dite_search.driver.searcher import StudySearch
from dite_search.study.study import create_study
from search_spaces.common.errors import InvalidInput

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def hub(monkeypatch):
    """The real optunahub loads packages from a repository on the network; here they are handed over."""

    def install(**classes):
        package = types.ModuleType("handed_over")
        for name, found in classes.items():
            if found.__module__ == __name__:
                monkeypatch.setattr(found, "__module__", "handed_over.sampler")
            setattr(package, name, found)
        stand_in = types.ModuleType("optunahub")
        stand_in.load_module = lambda name: package
        monkeypatch.setitem(sys.modules, "optunahub", stand_in)

    return install


class Halves(optuna.samplers.RandomSampler):
    def __init__(self, seed):
        super().__init__(seed=seed)
        self.given = seed


class Quarters(optuna.samplers.RandomSampler):
    pass


def test_the_one_sampler_of_a_hub_package_serves_with_the_seed_of_the_search(make_search, hub):
    hub(Halves=Halves, RandomSampler=optuna.samplers.RandomSampler)
    config = make_search(sampler={"name": "optunahub:samplers/halves"}, seed=7)
    create_study(config)
    sampler = sampler_of(config, gate_of(config))
    assert isinstance(sampler, Halves)
    assert sampler.given == 7
    assert config.search_space.is_valid(StudySearch(config).suggest("t")["point"])


def test_hub_packages_that_do_not_serve_are_named(make_search, hub, monkeypatch):
    config = make_search(sampler={"name": "optunahub:samplers/halves"})
    for classes, got in (({}, "none"), ({"Halves": Halves, "Quarters": Quarters}, "Halves, Quarters")):
        hub(**classes)
        with pytest.raises(InvalidInput, match=f"samplers/halves must be a package with one sampler, got {got}"):
            sampler_of(config, gate_of(config))

    def unreachable(name):
        raise OSError("no route to the registry\nand more")

    monkeypatch.setattr(sys.modules["optunahub"], "load_module", unreachable)
    with pytest.raises(InvalidInput, match=r"samplers/halves cannot be loaded: no route to the registry$"):
        sampler_of(config, gate_of(config))
    monkeypatch.setitem(sys.modules, "optunahub", None)
    with pytest.raises(InvalidInput, match="needs the package optunahub: pip install optunahub"):
        sampler_of(config, gate_of(config))


def test_the_power_of_the_price_reaches_the_sampler(make_search):
    config = make_search(sampler={"name": "cost_aware", "cost_exponent": 0.5})
    assert sampler_of(config, gate_of(config))._price.exponent == 0.5
    assert sampler_of(make_search(sampler={"name": "cost_aware"}), gate_of(config))._price.exponent == 0.0
    with pytest.raises(InvalidInput, match=r"sampler\.cost_exponent must be at most 1, got 2"):
        make_search(sampler={"cost_exponent": 2})
