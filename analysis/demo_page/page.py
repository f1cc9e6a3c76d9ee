"""The page: the network, onnxruntime-web and the arithmetic around them in one file, which asks for nothing else."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from analysis.demo_page.web_runtime import WebRuntime
from analysis.templates import template_environment, template_text

PARTS = ("arithmetic.js", "orientation.js", "drawing.js", "start.js")
POLICY = "style-src 'unsafe-inline'; script-src 'unsafe-inline' 'wasm-unsafe-eval' blob:; img-src blob:; media-src blob:"
"""The page may run its own scripts and WebAssembly; it may ask no address for anything."""


def demo_text(model: bytes, settings: Mapping[str, Any], runtime: WebRuntime, *, title: str) -> str:
    """Return the page of a network as HTML.

    Args:
        model: The network as ONNX.
        settings: The facts on the network, as `analysis.export.example.example_settings` gives them.
        runtime: onnxruntime-web.
        title: The name of the network.
    """
    packs = {"network": model, "glue": runtime.glue, "binary": runtime.binary}
    return (
        template_environment("analysis")
        .get_template("demo/page.html")
        .render(
            title=title,
            policy=POLICY,
            settings=dict(settings),
            version=runtime.version,
            packs={name: Markup(packed(content)) for name, content in packs.items()},
            runtime=Markup(runtime.script),
            style=Markup(template_text("analysis", "report/page.css") + template_text("analysis", "demo/page.css")),
            script=Markup("\n".join(template_text("analysis", f"demo/{part}") for part in PARTS)),
        )
    )


def packed(content: bytes) -> str:
    """Return gzip in base64, which the page unpacks; the same bytes give the same text."""
    return base64.b64encode(gzip.compress(content, mtime=0)).decode()
