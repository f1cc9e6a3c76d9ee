"""The checks that a search makes before it starts, by the functions that it calls."""

from __future__ import annotations

from analysis.study.labels import number_words
from dite_search.config.search_config import SearchConfig
from dite_search.config.search_data import undrawn_data_of
from dite_search.doctor.findings import FAILED, OK, WARNING, Finding
from dite_search.doctor.requirements import DATA, Ready, requirements, training_amount
from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.notes import DataNote, Severity

LEARNING = "learning"
"""The name of the finding on how much a training learns from."""


def need_findings(config: SearchConfig, *, new: bool, readable: bool = True) -> list[Finding]:
    """Return what each requirement of a search is met by, or why it is not; remarks on the data are warnings.

    Nothing is drawn: a synthetic data set that is not there yet is passed over.

    Args:
        config: The search.
        new: Whether its study is still to be made.
        readable: Whether its data can be read, as far as is known; else they are passed over.
    """
    ready, found = Ready(config, undrawn_data_of), []
    for requirement in requirements(config, new=new):
        if not readable and (requirement.reads_data or requirement.name == DATA):
            continue
        try:
            sentence = requirement.check(ready)
        except InvalidInput as error:
            readable = readable and requirement.name != DATA
            found.append(Finding(name=requirement.name, status=FAILED, sentence=str(error), remedy=requirement.remedy))
            continue
        found.append(Finding(name=requirement.name, status=OK, sentence=sentence))
        if requirement.name == DATA:
            found += map(_remark, ready.checked.notes)
            found += _learning(ready) if new else []
    return found


def _learning(ready: Ready) -> list[Finding]:
    """Return whether trainings are long enough for networks to learn something, and how many images are scored."""
    amount = training_amount(ready)
    if amount is None:
        return []
    scored = f"the accuracy is that of {number_words(amount.images or 0, 'image')}"
    doubts = amount.doubts()
    if amount.has_few_images:
        doubts.append(f"{scored} only")
    if not doubts:
        return [Finding(name=LEARNING, status=OK, sentence=f"{amount.steps_words}; {scored}")]
    remedy = "training.epochs, batch_size and warmup_iterations, or more data, where this is not meant so"
    return [Finding(name=LEARNING, status=WARNING, sentence="; ".join(doubts), remedy=remedy)]


def _remark(note: DataNote) -> Finding:
    """Return a remark on the data as a finding: one that only says what was done asks for nothing."""
    name = f"{DATA}: {note.topic}"
    if note.severity is Severity.NOTE:
        return Finding(name=name, status=OK, sentence=note.sentence)
    remedy = "mend the annotations or the images, where this is not meant so"
    return Finding(name=name, status=WARNING, sentence=note.sentence, remedy=remedy)
