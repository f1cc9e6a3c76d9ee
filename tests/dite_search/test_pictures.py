"""``dite-search report --pictures``: a page that holds its people."""

from __future__ import annotations

from tests.dite_search import test_comparing
from tests.dite_search.commands import run

compared = test_comparing.compared


def test_a_report_with_people(compared, tmp_path):
    arguments = ("report", "small", "--directory", compared.directory, "--output", tmp_path / "out")
    plain = run(*arguments)
    assert plain.exit_code == 0, (plain.output, plain.exception)
    assert "People in pictures" not in (tmp_path / "out" / "report.html").read_text()
    shown = run(*arguments, "--pictures")
    assert shown.exit_code == 0, (shown.output, shown.exception)
    text = (tmp_path / "out" / "report.html").read_text()
    assert '<section id="people">' in text
    assert "Fix first: " in text
    assert "data:image/webp;base64," in text
    assert len(text) < 5_000_000
