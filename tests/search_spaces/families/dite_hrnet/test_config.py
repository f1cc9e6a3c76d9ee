from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import read_mapping, write_mapping
from search_spaces.families.architecture import format_size, parse_size
from search_spaces.families.dite_hrnet.config import ArchConfig, reduced
from tests.strategies import architectures


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"groups": (1, 1, 3, 4)}, "groups of branch 3 must divide half its width: G = 3 does not divide 80 (width 160)"),
        ({"widths": (41, 80, 160, 320)}, "width of branch 1 must be even (a block works on one half), got 41"),
        ({"widths": (40, 80, 160)}, "widths must be a list of 4 integers, got (40, 80, 160)"),
        ({"widths": "4080"}, "widths must be a list of 4 integers, got '4080'"),
        ({"modules": (2, 0, 2)}, "modules[1] must be an integer from 1 to 64, got 0"),
        ({"kernels": (4, 4, 2, 1.0)}, "kernels[3] must be an integer from 1 to 64, got 1.0"),
        ({"blocks_per_module": True}, "blocks_per_module must be an integer from 1 to 64, got True"),
        ({"stem_width": 36}, "stem_width must be a multiple of 8, got 36"),
        ({"cross_reduction": 0}, "cross_reduction must be an integer from 1 to 4096, got 0"),
        ({"keypoints": None}, "keypoints must be an integer from 1 to 4096, got None"),
        ({"input_size": (256, 200)}, "input_size must be multiples of 32 (the stride of the lowest branch), got 256x200"),
        ({"input_size": (4096, 192)}, "input_size[0] must be an integer from 32 to 2048, got 4096"),
        ({"stem": "dcg"}, "unknown stem 'dcg': did you mean 'dgc'? known: dgc, lite"),
        ({"block": 3}, "unknown block '3': known: dmc, lite, lite_acm, lite_dsc"),
        ({"context_pooling": "spatail"}, "unknown context_pooling 'spatail': did you mean 'spatial'?"),
        ({"fusion": "both"}, "unknown fusion 'both': known: after_relu, before_relu"),
    ],
)
def test_a_broken_rule_names_field_rule_and_value(changes: dict, message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        ArchConfig(**changes)
    assert message in str(error.value)


def test_an_unknown_field_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InvalidInput, match="unknown architecture field 'group': did you mean 'groups'"):
        ArchConfig.from_dict({"group": [1, 1, 2, 4]})


def test_groups_bind_only_where_dsc_uses_them() -> None:
    assert ArchConfig(block="lite_acm", groups=(3, 3, 3, 3)).arch_id == ArchConfig(block="lite_acm").arch_id
    with pytest.raises(InvalidInput, match="groups of branch 1"):
        ArchConfig(block="lite_dsc", groups=(3, 1, 1, 1))


def test_derived_sizes() -> None:
    arch = ArchConfig(input_size=(256, 192))
    assert arch.heatmap_size == (64, 48)
    assert arch.branch_sizes() == ((64, 48), (32, 24), (16, 12), (8, 6))


@given(architectures())
def test_canonical_form_is_a_fixed_point(arch: ArchConfig) -> None:
    assert arch.canonical.canonical == arch.canonical
    assert arch.canonical.arch_id == arch.arch_id
    assert len(arch.arch_id) == 12
    assert int(arch.arch_id, 16) >= 0


@given(architectures(), st.integers(1, 5), st.integers(1, 5))
def test_fields_without_effect_do_not_change_the_id(arch: ArchConfig, number: int, reduction: int) -> None:
    if not arch.uses_dsc:
        twin = dataclasses.replace(arch, groups=(number,) * 4, kernels=(number,) * 4)
        assert twin.arch_id == arch.arch_id
    if not arch.uses_acm:
        other = "spatial" if arch.context_pooling == "released" else "released"
        assert dataclasses.replace(arch, context_pooling=other).arch_id == arch.arch_id
    if arch.stem == "lite":
        twin = dataclasses.replace(arch, stem_kernels=number, stem_context_reduction=reduction)
        assert twin.arch_id == arch.arch_id
    no_attention = not arch.uses_dsc or set(arch.kernels) == {1}
    if no_attention and (arch.stem == "lite" or arch.stem_kernels == 1):
        assert dataclasses.replace(arch, attention_reduction=reduction).arch_id == arch.arch_id


@given(architectures())
def test_dsc_with_one_group_and_one_kernel_is_the_block_without_it(arch: ArchConfig) -> None:
    ones = dataclasses.replace(arch, groups=(1,) * 4, kernels=(1,) * 4)
    for with_dsc, without in (("dmc", "lite_acm"), ("lite_dsc", "lite")):
        first, second = (dataclasses.replace(ones, block=block) for block in (with_dsc, without))
        assert first.arch_id == second.arch_id
    assert dataclasses.replace(ones, block="dmc").arch_id != dataclasses.replace(ones, block="lite_dsc").arch_id


@given(architectures(), st.integers(1, 40), st.integers(1, 40))
def test_a_reduction_counts_by_its_bottlenecks(arch: ArchConfig, first: int, second: int) -> None:
    half = arch.widths[2] // 2
    ids = {dataclasses.replace(arch, context_reductions=(4, 4, r, 4)).arch_id for r in (first, second)}
    assert (len(ids) == 1) == (reduced(half, first) == reduced(half, second))
    totals = [sum(width // 2 for width in arch.widths[:n]) for n in (2, 3, 4)]
    ids = {dataclasses.replace(arch, cross_reduction=r).arch_id for r in (first, second)}
    same = [reduced(total, first) for total in totals] == [reduced(total, second) for total in totals]
    assert (len(ids) == 1) == same


@given(architectures())
def test_every_field_with_an_effect_changes_the_id(arch: ArchConfig) -> None:
    changes: list[dict] = [
        {"stem": "lite" if arch.stem == "dgc" else "dgc"},
        {"fusion": "after_relu" if arch.fusion == "before_relu" else "before_relu"},
        {"stem_width": arch.stem_width + 8},
        {"widths": (*arch.widths[:3], arch.widths[3] + 2 * arch.groups[3])},
        {"modules": (arch.modules[0], arch.modules[1] + 1, arch.modules[2])},
        {"modules": (arch.modules[0] + 1, *arch.modules[1:])},
        {"blocks_per_module": arch.blocks_per_module + 1},
        {"input_size": (arch.input_size[1], arch.input_size[0])},
        {"keypoints": arch.keypoints + 1},
    ]
    if arch.stem == "dgc":
        changes.append({"stem_kernels": arch.stem_kernels + 1})
    if arch.uses_acm:
        changes.append({"context_pooling": "spatial" if arch.context_pooling == "released" else "released"})
    if arch.uses_dsc:
        changes.append({"kernels": (arch.kernels[0] + 1, *arch.kernels[1:])})
    ids = [dataclasses.replace(arch, **change).arch_id for change in changes]
    assert len({arch.arch_id, *ids}) == len(ids) + 1


@given(architectures(), architectures())
def test_different_canonical_forms_have_different_ids(first: ArchConfig, second: ArchConfig) -> None:
    assume(first.canonical != second.canonical)
    assert first.arch_id != second.arch_id


@given(architectures(), st.randoms(use_true_random=False))
def test_dictionaries_and_json_go_both_ways_in_any_order(arch: ArchConfig, random: object) -> None:
    fields = list(json.loads(json.dumps(arch.to_dict())).items())
    random.shuffle(fields)  # type: ignore[attr-defined]
    assert ArchConfig.from_dict(dict(fields)) == arch
    assert ArchConfig.from_dict(dict(fields)).arch_id == arch.arch_id


@pytest.mark.parametrize("name", ["arch.yaml", "arch.yml", "arch.json"])
@given(arch=architectures())
def test_files_go_both_ways(tmp_path_factory: pytest.TempPathFactory, name: str, arch: ArchConfig) -> None:
    path: Path = tmp_path_factory.mktemp("arch") / name
    write_mapping(path, arch.to_dict())
    assert ArchConfig.from_dict(read_mapping(path)) == arch


def test_the_id_of_the_published_network_is_stable() -> None:
    """An id stands in studies and reports for years: changing the rule that makes it must be a decision."""
    assert ArchConfig().arch_id == "d5021845b4c7"


def test_sizes_are_written_height_first() -> None:
    assert ArchConfig.from_dict({"input_size": "384x288"}).input_size == (384, 288)
    assert parse_size(" 256X192 ") == (256, 192)
    assert format_size((256, 192)) == "256x192"


@pytest.mark.parametrize(
    "text", ["", "256", "256x", "x192", "256x192x3", "-256x192", "256 192", "²56x192", "9" * 5000 + "x1"]
)
def test_a_size_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="input_size must be written HEIGHTxWIDTH in pixels, as in 256x192, got"):
        parse_size(text)


@given(st.text(max_size=12))
def test_any_text_is_a_size_or_refused(text: str) -> None:
    try:
        height, width = parse_size(text)
    except InvalidInput:
        return
    assert parse_size(format_size((height, width))) == (height, width)
