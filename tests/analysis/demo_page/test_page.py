"""The page as text: all of it within one file, and every fact from the network's own settings."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import json
import re
from pathlib import Path

import pytest

from analysis.demo_page.page import POLICY, demo_text, packed
from analysis.demo_page.web_runtime import BINARY, HOW, read_web_runtime
from analysis.export import ESSENTIAL, Exported, export_network
from analysis.export.directory import DEMO_FILE
from analysis.export.example import example_settings
from search_spaces.common.errors import InvalidInput
from tests.analysis.demo_page.conftest import ARCH, CARD, VERSION
from tests.analysis.export.networks import network_of


def test_the_page_holds_the_network_the_runtime_and_the_settings(dist: Path) -> None:
    settings = example_settings(ARCH, codec="dark", sigma=None, data_format="coco") | {"keypoints": ["</script>", "knee"]}
    page = demo_text(b"a network", settings, read_web_runtime(dist), title="a <b>")
    found = dict(re.findall(r'<script type="[\w/]+" id="(\w+)">(.*?)</script>', page))
    assert json.loads(found.pop("settings")) == settings
    content = {name: gzip.decompress(base64.b64decode(text)) for name, text in found.items()}
    assert content == {"network": b"a network", "glue": b"export default 1;", "binary": (dist / BINARY).read_bytes()}
    assert "a &lt;b&gt; · keypoints</title>" in page
    assert f"onnxruntime-web {VERSION}, one thread." in page
    assert page.count("</script>") == page.count("<script")
    assert not re.search(r"\b(?:src|href)=|https?://|nose", page), "no address is asked, and no name is the page's own"
    assert f"default-src 'none'; {POLICY}" in page
    assert "connect-src" not in POLICY


def test_the_same_bytes_are_packed_alike() -> None:
    assert packed(b"x" * 1000) == packed(b"x" * 1000)
    assert len(packed(b"x" * 1000)) < 100


def test_an_export_has_the_page_where_it_is_asked_for(exported: Exported, dist: Path, tmp_path: Path) -> None:
    assert not (exported.directory / DEMO_FILE).exists()
    assert DEMO_FILE not in (exported.directory / "README.md").read_text()
    parts, network = dataclasses.replace(ESSENTIAL, html=dist), network_of(ARCH)
    for _ in range(2):
        made = export_network(ARCH, network, tmp_path / "net", card=CARD, parts=parts)
    assert "a &lt;network&gt; · keypoints" in (made.directory / DEMO_FILE).read_text()
    assert "| `demo.html` | a page that runs the network" in (made.directory / "README.md").read_text()
    missing = dataclasses.replace(ESSENTIAL, html=tmp_path / "none")
    with pytest.raises(InvalidInput, match=re.escape(HOW)):
        export_network(ARCH, network, tmp_path / "other", card=CARD, parts=missing)
    assert not (tmp_path / "other").exists()
