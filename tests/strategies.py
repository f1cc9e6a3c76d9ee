"""Hypothesis strategies for architectures: small enough to build, wide enough to reach every kind of part."""

from __future__ import annotations

from hypothesis import strategies as st

from search_spaces.families.dite_hrnet.config import BLOCKS, BRANCHES, FUSIONS, POOLINGS, STEMS, ArchConfig


def per_branch(values: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[int, ...]]:
    return st.tuples(*(values for _ in range(BRANCHES)))


@st.composite
def architectures(draw: st.DrawFn, *, max_modules: int = 2, released: bool = False) -> ArchConfig:
    """Any member of the family, narrow; with ``released`` only what a published checkpoint can express."""
    groups = draw(per_branch(st.sampled_from((1, 1, 2, 3, 4))))
    stem = draw(st.sampled_from(STEMS))
    return ArchConfig(
        stem=stem,
        block=draw(st.sampled_from(BLOCKS)),
        fusion=("after_relu" if stem == "dgc" else "before_relu") if released else draw(st.sampled_from(FUSIONS)),
        context_pooling="released" if released else draw(st.sampled_from(POOLINGS)),
        stem_width=draw(st.sampled_from((8, 16, 24))),
        stem_kernels=draw(st.integers(1, 3)),
        widths=tuple(2 * g * draw(st.integers(1, 7)) for g in groups),
        modules=draw(st.tuples(*(st.integers(1, max_modules) for _ in range(3)))),
        blocks_per_module=draw(st.integers(1, 2)),
        groups=groups,
        kernels=draw(per_branch(st.sampled_from((1, 1, 2, 3)))),
        attention_reduction=draw(st.integers(1, 9)),
        context_reductions=draw(per_branch(st.integers(1, 9))),
        stem_context_reduction=draw(st.integers(1, 9)),
        cross_reduction=draw(st.integers(1, 12)),
        input_size=(64, 32),
        keypoints=draw(st.integers(1, 4)),
    )
