"""The summary in Markdown."""

from __future__ import annotations

from analysis.report.elements.options import Setup
from analysis.report.markdown import markdown
from tests.analysis.studies import study

GPU = Setup(workers=4, gpus_per_worker=0.5)


def test_the_summary_in_markdown() -> None:
    text = markdown(study(name="a|b *c*", over_budget=1), GPU)
    assert text.startswith("# a\\|b \\*c\\*\n")
    assert "| trial | what speaks for it | AP (ground-truth boxes) | MMACs | latency (ms) | parameters | network |" in text
    assert "| 7 | most accurate | 0.571 | 8.03 |" in text
    assert "![The front](front.png)" in text
    assert "s3cret" not in text
    rows = [line.count("|") - line.count("\\|") for line in text.splitlines() if line.startswith("| ")]
    assert set(rows) == {8, 5, 3}
    assert "There is no network to recommend" in markdown(study([]), Setup())
