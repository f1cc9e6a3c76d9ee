"""Every mistake of a file of settings in a sentence, and the file without them for what is still to be checked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from search_spaces.common.bounds import plain_number
from search_spaces.common.errors import InvalidInput, mistakes_of, unknown_name

RULES = {
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), "be an integer"),
    **dict.fromkeys(("float_type", "float_parsing"), "be a number"),
    "finite_number": "be a finite number",
    **dict.fromkeys(("bool_type", "bool_parsing"), "be true or false"),
    "string_type": "be text",
    **dict.fromkeys(("tuple_type", "list_type"), "be a list"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "hold fields, each with its value"),
    "literal_error": "be {expected}",
    "greater_than": "be above {gt}",
    "greater_than_equal": "be at least {ge}",
    "less_than": "be below {lt}",
    "less_than_equal": "be at most {le}",
    "too_short": "have at least {min_length} entries",
    "too_long": "have at most {max_length} entries",
    "string_too_short": "have at least {min_length} characters",
    "string_too_long": "have at most {max_length} characters",
}
"""The rule of each kind of problem that pydantic finds, after "must"."""
STAND_INS: dict[str, Any] = {"name": "search", "space": "tiny", "data": {"synthetic": {}}, "trials": 1}
"""Fields that a search file has to give, as they stand in for wrong ones while the others are checked."""


def file_error(source: str, sentences: Sequence[str]) -> InvalidInput:
    """Return the error of a file with these mistakes: one on the line of its name, several below it."""
    if len(sentences) == 1:
        return InvalidInput(f"{source}: {sentences[0]}")
    return InvalidInput("\n  - ".join([f"{source} has {len(sentences)} mistakes:", *sentences]))


def sentences_of(error: ValidationError, model: type[BaseModel], whole: str = "the search file") -> list[str]:
    """Return every problem in one sentence; an unknown field is answered with the nearest known one.

    ``model`` has the fields of the ``whole``.
    """
    told: dict[tuple[Any, ...], list[Any]] = {}
    for problem in error.errors():
        told.setdefault(_field_at(problem, model), []).append(problem)
    found = [sentence for place, problems in told.items() for sentence in _sentences(place, problems, model, whole)]
    return list(dict.fromkeys(found))


def _field_at(problem: Any, model: type[BaseModel]) -> tuple[Any, ...]:
    """Return the place of the field of a problem, without the type that pydantic adds where a field takes several."""
    place: list[Any] = []
    is_type = False
    for part in problem["loc"]:
        if not is_type:
            section = section_of(model, place)
            place.append(part)
            field = section.model_fields.get(part) if section else None
            is_type = field is not None and len(set(get_args(field.annotation)) - {type(None), Ellipsis}) > 1
        else:
            is_type = False
    return tuple(place)


def _sentences(place: tuple[Any, ...], problems: Sequence[Any], model: type[BaseModel], whole: str) -> list[str]:
    """Return what is wrong at one place; rules of several types are one sentence."""
    where, first = _dotted(place), problems[0]
    if first["type"] == "extra_forbidden":
        section = section_of(model, place[:-1])
        assert section is not None, "a mapping without known fields has no unknown ones"
        return [str(unknown_name(f"field of {_dotted(place[:-1]) or whole}", str(place[-1]), section.model_fields))]
    if first["type"] == "missing":
        return [f"{where} must be given"]
    rules = [_rule(problem) for problem in problems if problem["type"] in RULES]
    if len(rules) == len(problems):
        return [f"{where} must {' or '.join(dict.fromkeys(rules)).replace(' or be ', ' or ')}, got {first['input']!r}"]
    cause = first.get("ctx", {}).get("error")
    messages = [first["msg"][0].lower() + first["msg"][1:]] if cause is None else mistakes_of(cause)
    return [message if not where or where in message else f"{where}: {message}" for message in map(str, messages)]


def _rule(problem: Any) -> str:
    """Return the rule that a value breaks, with its limits in all their digits."""
    limits = {
        name: plain_number(value) if type(value) in (int, float) else value for name, value in problem.get("ctx", {}).items()
    }
    return RULES[problem["type"]].format(**limits)


def within(section: str, sentence: str) -> str:
    """Return a sentence on a field of a section with the section's name before the field's; unknown names say theirs."""
    return sentence if sentence.startswith(("unknown ", f"{section}.")) else f"{section}.{sentence}"


def _dotted(place: tuple[Any, ...]) -> str:
    """Return the place of a field as files and messages write it: ``data.synthetic.seed``, ``start_with[0]``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")


def section_of(model: type[BaseModel], place: Sequence[Any]) -> type[BaseModel] | None:
    """Return the section at the place of a field, where there is one: the model itself at the empty place."""
    found: type[BaseModel] | None = model
    for part in place:
        field = found.model_fields.get(part) if found else None
        kinds = [] if field is None else [field.annotation, *get_args(field.annotation)]
        found = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
    return found


def all_sentences(error: ValidationError, values: Mapping[str, Any], model: type[BaseModel]) -> list[str]:
    """Return every mistake of a search file, also those that only show once its wrong fields are left out.

    Args:
        error: The problems that were found first.
        values: The fields of the file.
        model: The model of the file.
    """
    found = sentences_of(error, model)
    wrong = {str(problem["loc"][0]) for problem in error.errors() if problem["loc"]}
    if not wrong:
        return found
    if "data" in wrong and not isinstance(values.get("space"), str):
        # An architecture of the user's own has the keypoints of the data, which nobody knows now.
        wrong.add("space")
    if "space" in wrong:
        wrong |= {"start_with", "warm_start"}
    # How many networks are trained may be what a wrong field means.
    left_open = wrong | ({"trials"} if wrong - set(model.model_fields) or "spend" in wrong else set())
    sound = {name: value for name, value in values.items() if name not in wrong}
    sound |= {name: value for name, value in STAND_INS.items() if name in left_open and sound.get(name) is None}
    try:
        model.model_validate(sound)
    except ValidationError as second:
        # A sentence on a field that was left out may be untrue of the file.
        untold = [re.compile(rf"\b{re.escape(name)}\b") for name in wrong - {"name"}]
        found += [text for text in sentences_of(second, model) if not any(name.search(text) for name in untold)]
    return list(dict.fromkeys(found))
