"""JSON inside a page ends no script."""

from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from analysis.report.elements.script import script_json


@given(st.text())
def test_json_ends_no_script(text: str) -> None:
    written = str(script_json({"x": text}))
    assert not re.search("[<>&\u2028\u2029]", written)
    assert json.loads(written) == {"x": text}
