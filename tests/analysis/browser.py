"""Pages in headless Chromium: what a test of a page needs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import util
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DESKTOP, PHONE = (1280, 900), (390, 844)


@dataclass
class Opened:
    """A page, what it wrote to the console, and what it asked for beside its own file."""

    page: Any
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def wait(self, selector: str, *, state: str = "visible") -> Any:
        """The first element of a selector. (Playwright's waiting for a condition needs eval, which the page forbids.)"""
        found = self.page.locator(selector).first
        found.wait_for(state=state, timeout=120_000)
        return found

    def violations(self) -> list[str]:
        """Return the violations that axe-core finds, in words."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page).response["violations"]
        return [f"{entry['id']}: {entry['nodes'][0]['html'][:200]} ({entry['help']})" for entry in found]


def chromium() -> str | None:
    """The path of a Chromium, or None where there is none or Playwright is not installed."""
    if util.find_spec("playwright") is None:
        return None
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def launched(*arguments: str) -> Iterator[Any]:
    """A browser with some arguments of its own; the test is skipped where there is none."""
    path = chromium()
    if path is None:
        pytest.skip("needs Playwright and a Chromium (apt install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=path, args=["--no-sandbox", *arguments])
        yield browser
        browser.close()


@contextmanager
def opened(
    browser: Any, file: Path, *, size: tuple[int, int] = DESKTOP, dark: bool = False, **options: Any
) -> Iterator[Opened]:
    """A file opened as a page without a network, in a context of its own."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        offline=True,
        **({"is_mobile": True, "has_touch": True} if size == PHONE else {}),
        **options,
    )
    context.set_default_timeout(120_000)
    found = Opened(page=context.new_page())
    found.page.on("console", lambda message: found.messages.append(f"{message.type}: {message.text}"))
    found.page.on("pageerror", lambda error: found.messages.append(f"error: {error}"))
    found.page.on("request", lambda request: found.requests.append(request.url))
    found.page.goto(file.absolute().as_uri())
    yield found
    context.close()
