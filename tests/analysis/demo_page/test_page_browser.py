"""The page in a browser, with onnxruntime-web: its keypoints are those of infer.py, and it asks no address for anything."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from analysis.demo_page.page import demo_text
from analysis.demo_page.web_runtime import WebRuntime, read_web_runtime
from analysis.export import Exported
from analysis.export.example import example_settings, example_text
from search_spaces.training_config import CODECS
from tests.analysis.browser import PHONE, Opened, launched, opened
from tests.analysis.demo_page.conftest import ARCH
from tests.analysis.export.test_infer import loaded
from tests.profiles import first_at_a_commit
from tests.trainers.data.oriented import stored
from trainers.data.synthetic.dataset import draw_dataset

pytestmark = pytest.mark.slow
READY = "The network is ready."
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched(*CAMERA) as found:
        yield found


@pytest.fixture(scope="module")
def web_runtime(tmp_path_factory: pytest.TempPathFactory) -> WebRuntime:
    """onnxruntime-web as a user brings it; the test is skipped where that is impossible."""
    npm, folder = shutil.which("npm"), tmp_path_factory.mktemp("npm")
    if npm is None:
        pytest.skip("needs npm (apt install npm)")
    words = [npm, "pack", "--silent", "--fetch-retries", "0", "onnxruntime-web"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        pytest.skip(f"npm cannot bring onnxruntime-web: {(done.stderr.strip().splitlines() or ['no reason said'])[-1]}")
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    return read_web_runtime(folder / "package")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn person on a picture, and some noise for what a drawing has none of."""
    root = tmp_path_factory.mktemp("drawn")
    draw_dataset(root / "people", train_images=1, val_images=1, seed=0)
    image = pixels(next((root / "people").rglob("*.jpg")))
    noise = np.random.default_rng(0).integers(0, 40, image.shape)
    path = root / "drawn.png"
    cv2.imwrite(str(path), (image + noise).clip(0, 255).astype(np.uint8))
    return path


def pixels(file: Path) -> NDArray[np.uint8]:
    return np.asarray(cv2.imread(str(file)), np.uint8)


def page_of(exported: Exported, runtime: WebRuntime, file: Path, **settings: Any) -> dict[str, Any]:
    """Write a page for the exported network under some settings, and return all of its settings."""
    found = example_settings(ARCH, **{"codec": "msra", "sigma": None, "data_format": "coco"} | settings)
    file.write_text(demo_text(exported.onnx.read_bytes(), found, runtime, title="a <network>"))
    return found


def rows(found: Opened) -> tuple[list[str], np.ndarray]:
    """Return the names, and x, y and confidence of the keypoints, as the table shows them."""
    cells = [row.split("\t") for row in found.page.locator("#keypoints tr").all_inner_texts()]
    return [row[0].strip() for row in cells], np.array([[float(cell) for cell in row[1:]] for row in cells])


def said(found: Opened, sentence: str) -> str:
    """Wait until the status holds some words, and return it."""
    found.page.locator("#status", has_text=sentence).wait_for()
    return str(found.page.locator("#status").inner_text())


def choose(found: Opened, file: Path) -> None:
    found.page.set_input_files("#file", str(file))
    said(found, f"{file.name}: ")


def by_infer(settings: dict[str, Any], model: Path, file: Path, folder: Path) -> tuple[np.ndarray, tuple[int, int]]:
    """Return the keypoints that the example finds in the whole picture, and the picture's height and width."""
    module = loaded(example_text(settings), folder)
    image = module.read_image(file)
    height, width = image.shape[:2]
    people = module.Estimator(model, threads=1)(image, [[0, 0, width, height]])
    return np.asarray(people[0]), (height, width)


@pytest.mark.parametrize(("codec", "rule"), first_at_a_commit(zip(CODECS, ("apply", "ignore", "stop"), strict=True)))
def test_keypoints_are_those_of_the_example(
    codec: str, rule: str, browser: Any, web_runtime: WebRuntime, exported: Exported, drawn: Path, tmp_path: Path
) -> None:
    """Of a picture, and of a photograph that is turned by the rule; the page goes on after a file that it refuses."""
    settings = page_of(exported, web_runtime, tmp_path / "demo.html", codec=codec, on_orientation=rule)
    (tmp_path / "notes.txt").write_text("x")
    for tag in (1, 6):
        (tmp_path / f"turned{tag}.jpg").write_bytes(stored(pixels(drawn)[:, :200], tag, "jpeg"))
    with opened(browser, tmp_path / "demo.html", size=PHONE) as found:
        said(found, READY)
        for file in (drawn, tmp_path / f"turned{1 if rule == 'stop' else 6}.jpg"):
            choose(found, file)
            names, points = rows(found)
            expected, shape = by_infer(settings, exported.onnx, file, tmp_path)
            assert names == settings["keypoints"]
            assert np.abs(points[:, :2] - expected[:, :2]).max() < 0.5
            np.testing.assert_allclose(points[:, 2], expected[:, 2], atol=0.02 * np.abs(expected[:, 2]).max())
            assert np.ptp(expected[:, :2], axis=0).min() > 10, "keypoints that lie in one place prove little"
            canvas = found.page.locator("#picture")
            assert tuple(int(canvas.get_attribute(side) or 0) for side in ("height", "width")) == shape
        found.page.set_input_files("#file", str(tmp_path / "notes.txt"))
        assert said(found, "notes.txt must") == "notes.txt must be a picture that this browser shows, such as JPEG or PNG."
        if rule == "stop":
            found.page.set_input_files("#file", str(tmp_path / "turned6.jpg"))
            said(found, "turned6.jpg must be stored upright, because the network's training took no other pictures.")
        assert found.messages == []
        assert [url for url in found.requests if not url.startswith("blob:")] == [(tmp_path / "demo.html").as_uri()]


def test_a_dropped_picture_the_camera_and_a_reader_of_screens(
    browser: Any, web_runtime: WebRuntime, exported: Exported, drawn: Path, tmp_path: Path
) -> None:
    page_of(exported, web_runtime, tmp_path / "demo.html")
    with opened(browser, tmp_path / "demo.html", permissions=["camera"]) as found:
        said(found, READY)
        assert not found.page.locator("#picture").is_visible()
        dropped = found.page.evaluate_handle(
            """([text]) => {
              const data = new DataTransfer(), bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
              data.items.add(new File([bytes], "dropped.png", { type: "image/png" }));
              return data;
            }""",
            [base64.b64encode(drawn.read_bytes()).decode()],
        )
        found.page.dispatch_event("main", "drop", {"dataTransfer": dropped})
        of_the_drop = said(found, "dropped.png: ")
        assert re.search(r"dropped\.png: \d+ of 17 keypoints are drawn\. The network took \d+ ms\.", of_the_drop)
        points = rows(found)[1]
        choose(found, drawn)
        np.testing.assert_array_equal(rows(found)[1], points)
        assert found.violations() == []
        found.page.click("#camera")
        said(found, "Camera: ")
        assert found.page.locator("#camera").inner_text() == "Stop the camera"
        found.page.click("#camera")
        choose(found, drawn)
        np.testing.assert_array_equal(rows(found)[1], points)
        assert found.messages == []


def test_a_network_that_cannot_be_opened_is_a_sentence(browser: Any, web_runtime: WebRuntime, tmp_path: Path) -> None:
    settings = example_settings(ARCH, codec="msra", sigma=None, data_format="coco")
    (tmp_path / "demo.html").write_text(demo_text(b"no network", settings, web_runtime, title="none"))
    with opened(browser, tmp_path / "demo.html") as found:
        said(found, "This browser cannot run the network: ")
        assert found.page.locator("#file").is_disabled()
