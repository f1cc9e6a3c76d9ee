"""A training that goes on for other epochs: its checkpoint, and what is said of its schedule."""

from __future__ import annotations

import dataclasses

import pytest

from search_spaces.common.errors import InvalidInput
from search_spaces.registry import preset
from search_spaces.training_config import TrainConfig
from tests.dite_search.study.test_directory import trained
from trainers.checkpoints.checkpoint import checkpoint_bytes, parse_checkpoint
from trainers.training.lengthening import lengthened, milestone_epochs, schedule_words, sentences_on


@pytest.fixture(scope="module")
def finished():
    """A finished training of 20 epochs, whose milestones lie after epochs 13 and 15."""
    return dataclasses.replace(trained(preset("lite_hrnet_18"), epochs=20), train=TrainConfig(epochs=20))


def test_a_checkpoint_remembers_its_schedules(finished):
    assert schedule_words(finished) == ""
    once = lengthened(finished, 40, "runs/train")
    assert once.train.epochs == 40
    assert schedule_words(once) == "epochs 1 to 20 by the schedule of 20, epochs 21 to 40 by that of 40"
    # Asked for again before an epoch of the 40 is finished: none followed their schedule.
    twice = lengthened(once, 60, "runs/train")
    assert schedule_words(twice) == "epochs 1 to 20 by the schedule of 20, epochs 21 to 60 by that of 60"
    read = parse_checkpoint(checkpoint_bytes(twice), "last.pt")
    assert read.lengthened == [[20, 20], [20, 40]]
    assert schedule_words(read) == schedule_words(twice)
    assert parse_checkpoint(checkpoint_bytes(finished), "last.pt").lengthened is None


def test_one_that_has_learned_nothing_follows_one_schedule(finished):
    begun = dataclasses.replace(finished, curve=[])
    assert schedule_words(lengthened(begun, 40, "x")) == "all by the schedule of 40"
    assert not any("learning rate" in sentence for sentence in sentences_on(begun, lengthened(begun, 40, "x")))


@pytest.mark.parametrize("epochs", [1, 20])
def test_no_epoch_is_unlearned(finished, epochs):
    with pytest.raises(InvalidInput, match=rf"--epochs must be above the 20 that .* runs/x has finished .*, got {epochs}$"):
        lengthened(finished, epochs, "runs/x")


def test_the_sentences_are_true_of_the_learning_rate(finished):
    after = lengthened(finished, 40, "x")
    assert sentences_on(finished, after) == [
        "From epoch 21 on the schedule of 40 epochs holds; so far that of 20 did.",
        "The milestones lie after epochs 25 and 30; those so far lay after epochs 13 and 15.",
        "The learning rate of epoch 21 is 100 times that of epoch 20.",
        "The result is not that of a training of 40 epochs from its start.",
    ]
    per_epoch = 1000
    rates = [
        config.learning_rate_at(epoch * per_epoch - 1, per_epoch)
        for config, epoch in ((finished.train, 20), (after.train, 21))
    ]
    assert rates[1] == pytest.approx(100 * rates[0])
    for train in (finished.train, after.train):
        first, *_ = milestone_epochs(train)
        before, behind = (train.learning_rate_at(epoch * per_epoch - 1, per_epoch) for epoch in (first, first + 1))
        assert behind == pytest.approx(before * train.decay)


def test_a_schedule_without_milestones_changes_nothing(finished):
    flat = dataclasses.replace(finished, train=TrainConfig(epochs=20, milestones=()))
    assert len(sentences_on(flat, lengthened(flat, 40, "x"))) == 2
