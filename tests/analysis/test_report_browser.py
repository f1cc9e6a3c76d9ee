"""The report in a browser: it shows a point's architecture, filters by a budget, needs no network and no mouse."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from analysis.pareto.budget_filter import front_within
from analysis.report import Setup, write_report
from analysis.study.labels import quantity
from analysis.study.records import StudyRecord
from search_spaces.common.own_objectives import OwnObjective
from search_spaces.space.budget import Budget, Constraint
from tests.analysis.browser import DESKTOP, PHONE, Opened, chromium, launched, opened
from tests.analysis.studies import PROVENANCE, study, trial
from tests.analysis.test_report import EVIL
from tests.conftest import ROOT
from tests.profiles import by_profile, first_at_a_commit

pytestmark = pytest.mark.slow

SERVED = {**PROVENANCE, "mlflow_uri": "https://alice:s3cret@mlflow.example"}
RUN = "0123456789abcdef0123456789abcdef"
RUN_PAGE = "https://mlflow.example/#/experiments/3/runs/{run}?workflowType=machine_learning"


def made_up() -> StudyRecord:
    trials = list(study().trials)
    trials[7] = trial(7, ap=0.571, mlflow_run_id=RUN)
    trials += [trial(number, ap=0.3 + number / 1000) for number in range(12, 129)]
    # The network of trial 21 once more, with another seed.
    trials.append(trial(129, ap=0.429, seed=1))
    return study(trials, provenance=SERVED, over_budget=3, reused=2)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as found:
        yield found


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(made_up(), tmp_path_factory.mktemp("report"), Setup(run_page=RUN_PAGE)).html


@pytest.fixture(scope="module")
def shared_page(browser: Any, file: Path) -> Iterator[Opened]:
    with opened(browser, file, size=(1280, 1800)) as found:
        yield found


@pytest.fixture
def report(shared_page: Opened) -> Iterator[Opened]:
    """The page as it is when it is opened, which takes seconds; a test that fails may leave it in another state."""
    yield shared_page
    page = shared_page.page
    page.keyboard.press("Escape")
    page.locator("dialog[open]").wait_for(state="detached")
    page.evaluate("document.activeElement.blur(), scrollTo(0, 0), location.hash = ''")
    for field in page.locator("#budget input, #text").all():
        field.fill("")
    page.select_option("#status", "")
    page.locator("#within", has_text="No budget").wait_for()


def cards(found: Opened) -> list[str]:
    return [text.split("trial ")[1] for text in found.page.locator("#cards h3").all_inner_texts()]


def front(found: Opened) -> list[int]:
    return [int(text) for text in found.page.locator("#front-table tbody th").all_inner_texts()]


def place_of(found: Opened, number: int) -> tuple[float, float]:
    """Where the figure of the front has a trial, in pixels of the window."""
    found.wait("#front-plot .main-svg", state="attached")
    found.page.locator("#front-plot").scroll_into_view_if_needed()
    x, y = found.page.evaluate(
        """(number) => {
          const plot = document.getElementById("front-plot"), layout = plot._fullLayout, box = plot.getBoundingClientRect();
          for (const trace of plot.data) {
            const place = (trace.customdata || []).indexOf(number);
            if (place < 0) continue;
            return [box.x + layout.xaxis._offset + layout.xaxis.d2p(trace.x[place]),
                    box.y + layout.yaxis._offset + layout.yaxis.d2p(trace.y[place])];
          }
        }""",
        number,
    )
    return x, y


def test_a_click_on_a_point_shows_its_architecture_its_curve_and_its_run(report: Opened) -> None:
    report.page.mouse.click(*place_of(report, 7))
    dialog = report.wait("dialog[open]")
    assert report.page.locator("#trial-name").inner_text() == "Trial 7"
    text = " ".join(dialog.inner_text().split())
    assert "complete, on the front" in text
    assert trial(7).arch.arch_id in text
    assert "branch feature map width G (groups) N (kernels)" in text
    assert "1 16×16 40 1 2 4" in text
    assert "stem, transitions and head" in text
    assert report.page.locator("dialog a", has_text=RUN).get_attribute("href") == RUN_PAGE.replace("{run}", RUN)
    report.wait("#curve .main-svg", state="attached")
    report.page.locator("dialog summary").click()
    assert "12\t" in report.page.locator("dialog details").inner_text()
    assert report.page.url.endswith("#trial-7")


def test_the_costs_of_the_parts_add_up(report: Opened) -> None:
    report.page.evaluate("location.hash = '#trial-3'")
    report.wait("dialog[open]")
    rows = report.page.locator('dialog [aria-label="Cost by part"] tbody tr').all_inner_texts()
    mmacs = [float(row.split("\t")[1]) for row in rows]
    assert mmacs[-1] == pytest.approx(trial(3).cost.mmacs, abs=0.006)
    assert sum(mmacs[:-1]) == pytest.approx(mmacs[-1], abs=0.025)


@pytest.mark.parametrize("limits", [{"mmacs": 5.0}, {"params": 40_000.0}, {"mmacs": 6.0, "latency_ms": 5.0}])
def test_a_budget_changes_the_front_as_python_would(report: Opened, limits: dict[str, float]) -> None:
    record = made_up()
    whole = [entry.number for entry in front_within(record, Budget())]
    assert front(report) == whole
    for name, limit in limits.items():
        report.page.fill(f"#limit-{name}", f"{limit / (1000 if name == 'params' else 1):g}")
    constraints = tuple(Constraint(cost=name, limit=limit) for name, limit in limits.items())
    wanted = [entry.number for entry in front_within(record, Budget(constraints=constraints))]
    assert wanted != whole
    for name in limits:
        report.page.locator("#within", has_text=f"{quantity(name)} at most").wait_for()
    assert front(report) == wanted
    assert set(map(int, cards(report))) <= set(wanted)
    report.page.get_by_role("button", name="Clear").click()
    report.page.locator("#within", has_text="No budget").wait_for()
    assert front(report) == whole


def test_a_cost_that_is_better_high_is_limited_from_below(browser: Any, tmp_path: Path) -> None:
    OwnObjective(name="fps", function="m:fps", folder="x", direction="maximize", source="counted", digest="a")
    record = study()
    trials = [dataclasses.replace(each, metrics=each.metrics | {"fps": 300.0 / each.cost.mmacs}) for each in record.trials]
    record = dataclasses.replace(record, trials=trials, objectives=("ap_gt", "fps"))
    whole = [entry.number for entry in front_within(record, Budget())]
    wanted = [entry.number for entry in front_within(record, Budget(constraints=(Constraint(cost="fps", limit=60.0),)))]
    assert wanted != whole
    with opened(browser, write_report(record, tmp_path, Setup()).html, size=(1280, 1800)) as found:
        assert front(found) == whole
        assert int(cards(found)[0]) == whole[0], "the cheap end comes first, and says so"
        assert "Highest fps" in found.page.locator("#cards li").first.inner_text()
        assert "at least … fps" in found.page.locator("#limits").inner_text()
        found.wait("#front-plot .main-svg", state="attached")
        found.page.fill("#limit-fps", "60")
        found.page.locator("#within", has_text="fps at least 60").wait_for()
        assert front(found) == wanted
        line = "document.getElementById('front-plot').data.find((trace) => trace.mode === 'lines')"
        xs, ys = (found.page.evaluate(f"{line}.{axis}") for axis in "xy")
        assert xs == sorted(xs, reverse=True)
        assert ys == sorted(ys)
        found.page.fill("#limit-fps", "1000")
        found.page.locator("#within", has_text="the highest fps is").wait_for()


def test_what_was_found_is_said_of_the_budget_of_the_report_alone(report: Opened) -> None:
    found = report.page.locator("#said")
    assert "networks are on the front" in found.inner_text()
    report.page.fill("#limit-mmacs", "4")
    found.wait_for(state="hidden")
    report.page.fill("#limit-mmacs", "")
    found.wait_for(state="visible")


def test_the_figure_follows_the_budget(report: Opened) -> None:
    report.wait("#front-plot .main-svg", state="attached")
    names = "document.getElementById('front-plot').data.map((trace) => trace.name)"
    assert "beyond the budget" not in report.page.evaluate(names)
    report.page.fill("#limit-mmacs", "5")
    report.page.locator("#front-plot .legend", has_text="beyond the budget").wait_for()
    report.page.fill("#limit-mmacs", "0.001")
    report.page.locator("#within", has_text="No complete trial is within the budget").wait_for()
    assert "the least MMACs is 2.80 (trial 8)" in report.page.locator("#within").inner_text()
    assert front(report) == []


def test_the_page_of_a_budget_begins_with_it(browser: Any, tmp_path: Path) -> None:
    budget = Budget(constraints=(Constraint(cost="mmacs", limit=5.0),))
    html = write_report(made_up(), tmp_path, Setup(budget=budget)).html
    with opened(browser, html) as found:
        assert found.page.locator("#limit-mmacs").input_value() == "5"
        assert front(found) == [entry.number for entry in front_within(made_up(), budget)]


def test_everything_is_reached_by_keyboard(browser: Any, file: Path) -> None:
    with opened(browser, file, size=(1280, 1800)) as report:
        reach_by_keyboard(report)


def reach_by_keyboard(report: Opened) -> None:
    """Walk from the beginning of a page that was just opened to a trial, open it, and come back."""
    keys = report.page.keyboard
    keys.press("Tab")
    assert report.page.evaluate("document.activeElement.className") == "skip"
    for _ in range(40):
        keys.press("Tab")
        if report.page.evaluate("document.activeElement.matches('#cards a')"):
            break
    number = report.page.evaluate("document.activeElement.getAttribute('href')").removeprefix("#trial-")
    keys.press("Enter")
    report.wait("dialog[open]")
    assert report.page.locator("#trial-name").inner_text() == f"Trial {number}"
    keys.press("Escape")
    report.page.locator("dialog[open]").wait_for(state="detached")
    assert report.page.evaluate("document.activeElement.getAttribute('href')") == f"#trial-{number}", "focus comes back"


def test_all_trials_are_sorted_searched_and_paged(report: Opened) -> None:
    page, first = report.page, "#all tbody th >> nth=0"
    assert page.locator("#all tbody tr").count() == 50
    page.get_by_role("button", name="Later rows").click()
    assert page.locator(first).inner_text() == "50"
    page.locator("#all thead button", has_text="AP").click()
    assert page.locator("#all thead th[aria-sort]").get_attribute("aria-sort") == "descending"
    assert page.locator(first).inner_text() == "7"
    page.fill("#text", "loss became nan")
    page.locator("#found", has_text="1 found among 130 trials").wait_for()
    assert page.locator(first).inner_text() == "4"
    page.fill("#text", "")
    page.locator("#found", has_text="of 130 trials").wait_for()
    page.select_option("#status", "stopped")
    page.locator("#found", has_text="of 1 found").wait_for()
    assert "(0.310)" in page.locator("#all tbody").inner_text()


def test_no_error_and_no_request(report: Opened) -> None:
    for plot in report.page.locator(".plot").all():
        plot.scroll_into_view_if_needed()
        plot.locator(".main-svg").first.wait_for(state="attached")
    report.page.get_by_label("parameters", exact=True).check()
    report.page.mouse.click(*place_of(report, 7))
    report.wait("#curve .main-svg", state="attached")
    assert report.messages == []
    assert all(url.startswith(("file:///", "blob:")) for url in report.requests)
    assert len([url for url in report.requests if url.startswith("file:")]) == 1


@pytest.mark.parametrize("size", first_at_a_commit([(DESKTOP,), (PHONE,)]), ids=["desktop", "phone"])
def test_axe_finds_nothing(browser: Any, file: Path, size: tuple[int, int]) -> None:
    with opened(browser, file, size=size) as found:
        found.page.locator("#front-plot").scroll_into_view_if_needed()
        found.wait("#front-plot .main-svg", state="attached")
        for scheme in ("light", "dark"):
            found.page.emulate_media(color_scheme=scheme)
            assert found.violations() == []
        assert found.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            "the page itself never scrolls aside"
        )
        found.page.evaluate("location.hash = '#trial-7'")
        found.wait("#curve .main-svg", state="attached")
        for scheme in ("dark", "light"):
            found.page.emulate_media(color_scheme=scheme)
            assert found.violations() == []


def test_axe_would_find_something(browser: Any, tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text("<!doctype html><title>x</title><img src='data:,'>")
    with opened(browser, bad) as found:
        assert any(entry.startswith("image-alt") for entry in found.violations())


def test_without_script_the_answer_is_there(browser: Any, file: Path) -> None:
    with opened(browser, file, java_script_enabled=False) as found:
        assert len(front(found)) == len(front_within(made_up(), Budget()))
        assert cards(found)
        assert found.page.locator("#all tbody tr").count() == 100
        assert found.page.locator("noscript img").first.evaluate("(image) => image.naturalWidth") > 100
        assert not found.page.locator("#budget").is_visible()


def test_a_browser_that_cannot_unpack_says_so(browser: Any, file: Path) -> None:
    with opened(browser, file, size=(1280, 1800)) as found:
        found.page.add_init_script("delete window.DecompressionStream")
        found.page.reload()
        found.page.locator("#front-plot", has_text="need a browser of 2023").wait_for()
        assert [message for message in found.messages if message.startswith("error")] == []


def test_text_from_outside_stays_text(browser: Any, tmp_path: Path) -> None:
    trials = [
        trial(0, ap=0.5, reason=EVIL, parameters={EVIL: EVIL}, mlflow_run_id=EVIL),
        trial(1, ap=0.6, parameters={EVIL: 2}, origin=EVIL),
        trial(2, status="failed", reason=EVIL),
    ]
    provenance = {EVIL: [EVIL], "mlflow_uri": f"javascript:{EVIL}"}
    html = write_report(study(trials, name=EVIL, protocol={EVIL: EVIL}, provenance=provenance), tmp_path).html
    with opened(browser, html, size=(1280, 1800)) as found:
        found.page.on("dialog", lambda dialog: found.messages.append(f"ran: {dialog.message}"))
        found.page.mouse.move(*place_of(found, 0))
        for number in (0, 1, 2):
            found.page.evaluate(f"location.hash = '#trial-{number}'")
            found.page.locator("#trial-name", has_text=f"Trial {number}").wait_for()
            assert EVIL in found.page.locator("dialog").inner_text()
        assert found.page.locator("img[onerror]").count() == 0
        assert found.page.locator("dialog a").count() == 0, "an address that is not one of the web is no link"
        assert found.messages == []


def test_on_paper_nothing_is_lost_to_colour_or_scrolling(browser: Any, file: Path) -> None:
    with opened(browser, file, dark=True) as found:
        found.page.emulate_media(media="print", color_scheme="dark")
        style = "getComputedStyle(document.body)"
        assert found.page.evaluate(f"[{style}.color, {style}.backgroundColor]") == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
        assert found.page.evaluate("getComputedStyle(document.querySelector('.wide')).overflowX") == "visible"
        assert not found.page.locator("#budget").is_visible()
        assert found.page.locator("details:not([open])").count() == 0
        assert not found.page.locator("figcaption .live").first.is_visible()
        found.page.emulate_media(media="screen")
        found.page.locator("#protocol details:not([open])").first.wait_for()


def test_what_is_folded_is_on_paper_without_script(browser: Any, file: Path) -> None:
    with opened(browser, file, java_script_enabled=False) as found:
        folded = found.page.locator("#protocol details table").first
        assert folded.bounding_box() is None or not folded.is_visible()
        found.page.emulate_media(media="print")
        assert folded.is_visible()


SCREENS = 12
"""The screens that the report of a small study takes on a phone, at most."""


def test_a_small_study_is_short_on_a_phone(browser: Any, tmp_path: Path) -> None:
    html = write_report(study(list(study().trials)[:9]), tmp_path).html
    with opened(browser, html, size=PHONE) as found:
        for figure in found.page.locator(".plot").all():
            figure.scroll_into_view_if_needed()
            found.wait(f"#{figure.get_attribute('id')} .main-svg", state="attached")
        assert found.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it never scrolls aside"
        height = found.page.evaluate("document.documentElement.scrollHeight")
        assert height < SCREENS * PHONE[1], f"{height / PHONE[1]:.1f} screens"
        found.page.locator("summary", has_text="What the numbers mean").click()
        assert found.page.locator("#protocol details table").first.is_visible()
        assert found.messages == []


DRAWN = """() => [...document.querySelectorAll(".plot")].map((place) => ({
  name: place.id,
  shapes: place.querySelectorAll(".main-svg :is(.trace, .point, .heatmaplayer image, .bars path)").length,
  width: Number((place.querySelector(".main-svg") || place).getAttribute("width")),
  scaled: place.querySelectorAll(".main-svg[viewBox]").length,
}))"""
"""The figures of the page, with the number of their shapes."""


def figures_of(pdf: Path, folder: Path) -> tuple[str, int]:
    """The words of a PDF, and the pixels of its pages that have the colour of the front."""
    words = subprocess.run(["pdftotext", str(pdf), "-"], capture_output=True, text=True, check=True).stdout
    subprocess.run(["pdftoppm", "-r", "40", "-png", str(pdf), str(folder / "page")], check=True)
    pages = [np.asarray(Image.open(page).convert("RGB")).astype(int) for page in sorted(folder.glob("page*.png"))]
    front = np.array([0xD5, 0x5E, 0x00])
    return words, sum(int((np.abs(page - front).max(axis=-1) < 40).sum()) for page in pages)


@pytest.fixture
def sheets(tmp_path: Path) -> Path:
    if not shutil.which("pdftoppm") or not shutil.which("pdftotext"):
        pytest.skip("needs pdftoppm and pdftotext (apt install poppler-utils)")
    return tmp_path


def test_a_page_that_was_never_scrolled_is_printed_with_its_figures(browser: Any, file: Path, sheets: Path) -> None:
    with opened(browser, file, size=(900, 600)) as found:
        found.page.pdf(path=str(sheets / "report.pdf"), format="A4")
        after = found.page.evaluate(DRAWN)
        assert len(after) >= 5
        assert [figure["name"] for figure in after if not figure["shapes"]] == []
        assert [figure["name"] for figure in after if figure["scaled"] or figure["width"] > 900] == [], (
            "the screen is as before"
        )
        assert found.messages == []
    words, front = figures_of(sheets / "report.pdf", sheets)
    assert front > 300
    for axis in ("hypervolume", "trial minutes", "network, by its first trial", "loss"):
        assert axis in words, "the words of axes are drawn, too"


def test_a_browser_without_a_user_prints_the_figures(file: Path, sheets: Path) -> None:
    """As from a script: ``chromium --headless --print-to-pdf``, which prints as soon as the page is loaded."""
    path = chromium()
    if path is None:
        pytest.skip("needs a Chromium (apt install chromium)")
    words = [path, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={sheets / 'profile'}"]
    output = sheets / "cli.pdf"
    subprocess.run([*words, f"--print-to-pdf={output}", file.as_uri()], capture_output=True, check=True, timeout=120)
    text, front = figures_of(output, sheets)
    assert front > 300
    assert "trial minutes" in text


def test_a_media_query_for_paper_draws_the_figures_and_the_screen_gets_them_back(browser: Any, file: Path) -> None:
    with opened(browser, file, size=(900, 600)) as found:
        found.page.emulate_media(media="print")
        found.wait("#repeats .main-svg", state="attached")
        assert all(figure["shapes"] and figure["scaled"] for figure in found.page.evaluate(DRAWN))
        found.page.emulate_media(media="screen")
        found.wait("#repeats .main-svg:not([viewBox])", state="attached")
        assert not any(figure["scaled"] for figure in found.page.evaluate(DRAWN))
        found.page.fill("#limit-mmacs", "5")
        found.page.locator("#front-plot .legend", has_text="beyond the budget").wait_for()
        assert found.messages == []


def test_an_old_browser_prints_too_and_damage_is_told(browser: Any, file: Path, tmp_path: Path) -> None:
    with opened(browser, file, size=(900, 600)) as found:
        found.page.add_init_script("delete window.DecompressionStream")
        found.page.reload()
        found.page.emulate_media(media="print")
        found.wait("#repeats .main-svg", state="attached")
    broken = tmp_path / "broken.html"
    broken.write_text(re.sub(r'(id="plotly">.{5000}).{200}', r"\1", file.read_text(), flags=re.S))
    with opened(browser, broken, size=(900, 600)) as found:
        found.page.emulate_media(media="print")
        found.page.locator("#repeats", has_text="The figures need a browser").wait_for()


@pytest.mark.longer
@pytest.mark.parametrize("level", by_profile([0, 1, 6, 9], list(range(10))))
def test_what_is_unpacked_at_once_is_what_was_packed(browser: Any, level: int) -> None:
    chance = random.Random(level)
    texts = [
        b"",
        b"a",
        b"abcabcabc" * 9000,
        chance.randbytes(80_000),
        bytes(chance.choices(b"abc", k=40_000)),
        bytes(chance.choices(range(256), weights=range(1, 257), k=40_000)),
    ]
    page = browser.new_page()
    page.add_script_tag(content=(ROOT / "analysis" / "templates" / "report" / "inflate.js").read_text())
    for text in texts:
        packed = base64.b64encode(gzip.compress(text, level, mtime=0)).decode()
        unpacked = page.evaluate(
            "(packed) => btoa([...gunzipped(Uint8Array.from(atob(packed), (sign) => sign.charCodeAt(0)))]"
            ".map((byte) => String.fromCharCode(byte)).join(''))",
            packed,
        )
        assert base64.b64decode(unpacked) == text
    page.close()
