"""The single-file example: its keypoints are the trainer's, its mistakes are sentences, and it needs three packages."""

from __future__ import annotations

import dataclasses
import importlib.util
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement
from PIL import Image, ImageOps

from analysis.export import Exported, ModelCard, export_network
from analysis.export.example import PARTS, TEMPLATE, example_settings, example_text, keypoint_set_of
from analysis.export.study_data import StudyData
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.training_config import CODECS, TrainConfig
from tests.analysis.export.networks import SMALL, network_of
from tests.conftest import ROOT
from tests.trainers.data.oriented import FORMATS, STORED, TAG, TAGS, stored
from trainers.data.codecs import make_codec
from trainers.data.config import DataConfig
from trainers.data.images.images import read_image
from trainers.data.images.orientation import orientation_of
from trainers.data.samples.dataset import TopDownDataset
from trainers.data.samples.datasets import validation_set
from trainers.data.synthetic.dataset import draw_dataset
from trainers.evaluation.inference import predict
from trainers.networks.dite_hrnet.network import PoseNetwork

ARCH = dataclasses.replace(SMALL, input_size=(96, 64))
CARD = ModelCard(name="test network", origin="Made by a test.", protocol={"format": "coco"})
NEEDED = ("onnxruntime", "numpy", "opencv-python-headless")


@pytest.fixture(scope="module")
def network() -> PoseNetwork:
    return network_of(ARCH)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, network: PoseNetwork) -> Exported:
    return export_network(ARCH, network, tmp_path_factory.mktemp("exports") / "net", card=CARD)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> DataConfig:
    root = tmp_path_factory.mktemp("drawn") / "people"
    draw_dataset(root, train_images=1, val_images=6, seed=0)
    return DataConfig(root=root)


def loaded(text: str, tmp_path: Path) -> ModuleType:
    path = tmp_path / "infer_of_a_test.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location("infer_of_a_test", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def infer_module(codec: str, tmp_path: Path, arch: ArchConfig = ARCH, sigma: float | None = None) -> ModuleType:
    return loaded(example_text(example_settings(arch, codec=codec, sigma=sigma, data_format="coco")), tmp_path)


def found_by_the_example(module: ModuleType, model: Path, dataset: TopDownDataset, *, flip: bool) -> np.ndarray:
    estimator = module.Estimator(model, threads=1)
    people = [estimator(module.read_image(p.image_path), [p.box], flip=flip)[0] for p in dataset.people]
    return np.array(people)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("codec", CODECS)
def test_keypoints_are_the_trainers_on_drawn_people(
    codec: str, flip: bool, exported: Exported, network: PoseNetwork, drawn: DataConfig, tmp_path: Path
) -> None:
    dataset = validation_set(drawn, ARCH, TrainConfig(codec=codec))
    expected = predict(network, dataset, flip_test=flip)
    found = found_by_the_example(infer_module(codec, tmp_path), exported.onnx, dataset, flip=flip)
    assert np.abs(found[:, :, :2] - expected.keypoints).max() < 0.1
    np.testing.assert_allclose(found[:, :, 2], expected.scores, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("codec", ["msra", "udp"])
def test_keypoints_are_the_trainers_on_photographs(
    codec: str, exported: Exported, network: PoseNetwork, coco_mini: Path, tmp_path: Path
) -> None:
    dataset = validation_set(DataConfig(root=coco_mini), ARCH, TrainConfig(codec=codec))
    expected = predict(network, dataset, flip_test=True)
    found = found_by_the_example(infer_module(codec, tmp_path), exported.onnx, dataset, flip=True)
    assert len(found) > 50
    assert np.abs(found[:, :, :2] - expected.keypoints).max() < 0.1


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_heatmaps_of_any_kind_are_read_as_the_codec_reads_them(codec: str, sigma: float, tmp_path: Path) -> None:
    module = infer_module(codec, tmp_path, sigma=sigma)
    coding = make_codec(codec, input_size=ARCH.input_size, heatmap_size=ARCH.heatmap_size, sigma=sigma)
    generator = np.random.default_rng(0)
    height, width = ARCH.input_size
    for kind in range(40):
        # Up to the edges and beyond; noise; and maps without any peak above 0.
        points = generator.uniform((-4, -4), (width + 4, height + 4), (17, 2))
        heatmaps, _ = coding.encode(np.column_stack([points, np.full(17, 2)]))
        if kind % 2:
            heatmaps = heatmaps + generator.normal(0, 0.2, heatmaps.shape).astype(np.float32)
        if kind % 5 == 4:
            heatmaps = -np.abs(heatmaps) - np.float32(0.1)
        keypoints, scores = coding.decode(heatmaps[None])
        found, peaks = module.decode(heatmaps, module.SETTINGS)
        np.testing.assert_allclose(found, keypoints[0], atol=1e-3)
        np.testing.assert_allclose(peaks, scores[0])


def run(example: Path, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(example), *map(str, words)], capture_output=True, text=True, check=False)


def picture(folder: Path) -> Path:
    path = folder / "photograph.png"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, (120, 90, 3), np.uint8))
    return path


def test_the_command_writes_keypoints_and_a_drawing(exported: Exported, tmp_path: Path) -> None:
    image, out, keypoints = picture(tmp_path), tmp_path / "out.png", tmp_path / "keypoints.json"
    boxes = ["--box", 10, 10, 40, 80, "--box", 30, 5, 50, 110]
    done = run(exported.example, image, *boxes, "--flip", "--output", out, "--json", keypoints)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    people = json.loads(keypoints.read_text())
    assert [person["box"] for person in people] == [[10, 10, 40, 80], [30, 5, 50, 110]]
    assert [entry["name"] for entry in people[0]["keypoints"]][:2] == ["nose", "left_eye"]
    before, after = cv2.imread(str(image)), cv2.imread(str(out))
    assert after.shape == before.shape
    assert (after != before).any()
    huge = run(exported.example, image, "--box", 0, 0, 1e12, 1e12, "--output", out, "--json", keypoints)
    assert (huge.returncode, huge.stderr) == (0, "")
    whole = run(exported.example, image)
    assert json.loads(whole.stdout)[0]["box"] == [0, 0, 90, 120]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["none.jpg"], "image none.jpg cannot be read: No such file or directory"),
        (["{example}"], "must be a picture that OpenCV reads, such as JPEG or PNG"),
        (["{image}", "--box", "1", "1", "0", "5"], "a width and height above 0, got 1 1 0 5"),
        (["{image}", "--box", "1", "nan", "4", "5"], "a width and height above 0, got 1 nan 4 5"),
        (
            ["{image}", "--box", "1", "1", "3e300", "3e300"],
            "of numbers up to 1e+15, its width and height from 1e-06, got 1 1",
        ),
        (["{image}", "--box", "1", "1", "5e-324", "5"], "its width and height from 1e-06, got 1 1 4.94066e-324 5"),
        (["{image}", "--box", "1", "1", "1e999", "5"], "a width and height above 0, got 1 1 inf 5"),
        (["{image}", "--box", "90", "1", "5", "5"], "must show some of the image of 90 x 120 pixels, got 90 1 5 5"),
        (["{image}", "--model", "none.onnx"], "model none.onnx does not exist or is not a file"),
        (["{image}", "--model", "{image}"], "photograph.png cannot be opened:"),
        (["{image}", "--json", "/nowhere/k.json"], "/nowhere/k.json cannot be written: No such file or directory"),
        (["{image}", "--output", "out.txt"], "--output must end in .png, .jpg, .webp or .bmp, got out.txt"),
        (
            ["{turned}", "--on-orientation", "stop"],
            "must be stored upright where the rule is stop, but has EXIF",
        ),
        (["{image}", "--threads", "-1"], "--threads must be 0 or more, got -1"),
        (["{image}", "--box", "1", "-inf", "4", "5"], "a width and height above 0, got 1 -inf 4 5"),
        (["{image}", "--box", "0", "0", "-1e-05", "5"], "a width and height above 0, got 0 0 -1e-05 5"),
        (["{image}", "--json", "{folder}"], "cannot be written: Is a directory"),
        (["{image}", "--json", "{image}/k.json"], "cannot be written: Not a directory"),
        (
            ["{image}", "--json", "x.png", "--output", "./x.png"],
            "--json and --output must be two files, got ./x.png for both",
        ),
    ],
)
def test_a_mistake_is_one_sentence(
    words: list[str], sentence: str, exported: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module = loaded(exported.example.read_text(), tmp_path)
    image = picture(tmp_path)
    turned = tmp_path / "turned.jpg"
    turned.write_bytes(stored(cv2.imread(str(image)), 6, "jpeg"))
    places = {"image": image, "turned": turned, "example": exported.example, "folder": tmp_path}
    given = [word.format(**places) for word in words]
    model = [] if "--model" in given else ["--model", str(exported.onnx)]
    assert module.main([*given, *model]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("infer.py: ")
    assert sentence in line


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"keypoints": ["nose", "tail"]}, "the model must give 2 heatmaps, one for each keypoint, but gives (17, 24, 16)"),
        ({"input_size": [64, 64]}, "the model must be that of this network, but: "),
    ],
)
def test_a_model_of_another_network_is_one_sentence(
    changes: dict[str, object],
    sentence: str,
    exported: Exported,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = loaded(exported.example.read_text(), tmp_path)
    for name, value in changes.items():
        monkeypatch.setitem(module.SETTINGS, name, value)
    assert module.main([str(picture(tmp_path)), "--model", str(exported.onnx)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"infer.py: {sentence}")


def test_a_folder_is_done_whole_or_not_at_all(
    exported: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = loaded(exported.example.read_text(), tmp_path)
    monkeypatch.chdir(tmp_path)
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    for name in ("b.png", "a.jpg"):
        (photographs / name).write_bytes(cv2.imencode(Path(name).suffix, cv2.imread(str(picture(tmp_path))))[1].tobytes())
    (photographs / "notes.txt").write_text("x")
    model = ["--model", str(exported.onnx)]
    assert (
        module.main(["photographs", "--output", "drawn", "--json", "all.json", "--box", "1", "2", "40", "80", *model]) == 0
    )
    found = json.loads((tmp_path / "all.json").read_text())
    assert list(found) == ["a.jpg", "b.png"]
    assert found["b.png"][0]["box"] == [1, 2, 40, 80]
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == ["a.jpg", "b.png"]
    assert module.main(["photographs/b.png", "--box", "1", "2", "40", "80", *model]) == 0
    assert json.loads(capsys.readouterr().out) == found["b.png"], "as of the image alone"
    (tmp_path / "empty").mkdir()
    (photographs / "c.png").write_bytes(b"broken")
    before = sorted(path.name for path in tmp_path.iterdir())
    for words, sentence in (
        (["photographs", "--output", "drawn"], "--output must be a folder that does not exist"),
        (["photographs", "--output", "new", "--json", "new.json"], "image photographs/c.png must be a picture that OpenCV"),
        (["photographs", "--output", "none/new"], "none/new cannot be written: No such file or directory"),
        (["photographs", "--box", "200", "1", "5", "5"], "photographs/a.jpg: a box must show some of the image"),
        (["empty"], "folder empty must hold images (.png, .jpg, "),
    ):
        assert module.main([*words, *model]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert sentence in line
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize("number", ["-1e-05", "-1E-5", "-.5", "-5.", "-1e+1", "-0.00001", "-3"])
def test_numbers_below_zero_are_numbers_however_they_are_written(
    number: str, exported: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module = loaded(exported.example.read_text(), tmp_path)
    words = [
        str(picture(tmp_path)),
        "--model",
        str(exported.onnx),
        "--box",
        number,
        "30",
        "40",
        "50",
        "--box",
        "5",
        number,
        "40",
        "50",
    ]
    assert module.main(words) == 0
    boxes = [person["box"] for person in json.loads(capsys.readouterr().out)]
    assert boxes == [[float(number), 30, 40, 50], [5, float(number), 40, 50]]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--json", "o.json", "--output", "x.gif"], "--output must end in .png, .jpg, .webp or .bmp, got x.gif"),
        (["--json", "o.json", "--output", "x"], "--output must end in .png, .jpg, .webp or .bmp, got x"),
        (["--json", "o.json", "--output", "none/x.png"], "none/x.png cannot be written: No such file or directory"),
        (["--json", "none/o.json", "--output", "x.png"], "none/o.json cannot be written: No such file or directory"),
        (["--json", "o.json", "--output", "x.webp"], "x.webp cannot hold a picture of 17000 x 2 pixels: try .png"),
        (["--output", "x.gif"], "--output must end in"),
    ],
)
def test_nothing_is_written_where_one_output_cannot_be(
    words: list[str],
    sentence: str,
    exported: Exported,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = loaded(exported.example.read_text(), tmp_path)
    place = tmp_path / "outputs"
    place.mkdir()
    monkeypatch.chdir(place)
    image = tmp_path / "wide.png"
    cv2.imwrite(str(image), np.zeros((2, 17_000, 3), np.uint8))
    assert module.main([str(image), *words, "--model", str(exported.onnx)]) == 2
    written = capsys.readouterr()
    assert sentence in written.err
    assert written.out == ""
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("rule", ["apply", "ignore"])
@pytest.mark.parametrize("name", [*FORMATS, "webp", "tiff"])
def test_pixels_are_those_of_the_training_in_every_orientation(name: str, rule: str, tmp_path: Path) -> None:
    """WebP and TIFF, which training does not read, are compared with what Pillow displays."""
    module = infer_module("msra", tmp_path)
    image = np.asarray(cv2.resize(np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8), (70, 50)))
    for tag in TAGS:
        if name in FORMATS:
            path = tmp_path / f"{tag}"
            path.write_bytes(stored(image, tag, name))
            np.testing.assert_array_equal(module.read_image(path, rule), read_image(path, on_orientation=rule))
            continue
        data = other_format(image, tag, name)
        shown = Image.open(io.BytesIO(data))
        if rule == "apply":
            shown = ImageOps.exif_transpose(shown)
        if rule == "ignore" and name == "tiff" and tag != 1:
            with pytest.raises(module.Mistake, match=f"is a TIFF file with orientation {tag}, which OpenCV always applies"):
                module.decode_image(data, "a.tiff", rule)
            continue
        np.testing.assert_array_equal(module.decode_image(data, "a", rule), np.asarray(shown.convert("RGB"))[:, :, ::-1])


def other_format(image: np.ndarray, tag: int, name: str) -> bytes:
    """Return a lossless file of a format that training does not read, its pixels stored as the tag says."""
    turn, buffer = STORED[tag], io.BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(image[:, :, ::-1]))
    turned = picture if turn is None else picture.transpose(turn)
    exif = Image.Exif()
    exif[TAG] = tag
    options: dict[str, Any] = {"lossless": True, "exact": True} if name == "webp" else {"tiffinfo": {TAG: tag}}
    if name == "webp":
        options["exif"] = exif.tobytes()
    turned.save(buffer, name.upper(), **options)
    return buffer.getvalue()


def test_published_photographs_are_read_alike(exports: Path, tmp_path: Path) -> None:
    module = infer_module("msra", tmp_path)
    for name in ("exif_Landscape_3.jpg", "exif_Landscape_6.jpg", "pillow_pil_sample_cmyk.jpg"):
        np.testing.assert_array_equal(module.read_image(exports / name), read_image(exports / name))
    assert module.read_image(exports / "pillow_hopper.webp").shape == (128, 128, 3)


@given(place=st.integers(0, 400), value=st.integers(0, 255), length=st.integers(0, 500))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_tag_of_any_bytes_is_the_one_that_training_finds(place: int, value: int, length: int, tmp_path: Path) -> None:
    module = infer_module("msra", tmp_path)
    for name in ("jpeg", "png"):
        data = bytearray(stored(np.zeros((8, 12, 3), np.uint8), 6, name))
        data[min(place, len(data) - 1)] = value
        for part in (bytes(data), bytes(data[:length])):
            assert module.orientation(part) == orientation_of(part)


def test_the_rule_is_that_of_the_training(
    network: PoseNetwork, drawn: DataConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Boxes and keypoints count the pixels that the rule leaves; the command line may choose another one."""
    path = tmp_path / "a.png"
    path.write_bytes(stored(np.zeros((50, 70, 3), np.uint8), 6))
    for rule, size in (("apply", [70, 50]), ("ignore", [50, 70])):
        data = StudyData(config=DataConfig(root=drawn.root, on_orientation=rule), arch=ARCH, train=TrainConfig())
        made = export_network(ARCH, network, tmp_path / rule, card=CARD, data=data)
        module = loaded(made.example.read_text(), tmp_path)
        assert module.SETTINGS["on_orientation"] == rule
        for words, found in (
            ([], size),
            (["--on-orientation", "apply"], [70, 50]),
            (["--on-orientation", "ignore"], [50, 70]),
        ):
            assert module.main([str(path), "--model", str(made.onnx), *words]) == 0
            assert json.loads(capsys.readouterr().out)[0]["box"] == [0, 0, *found]


def test_a_missing_package_is_named(exported: Exported, tmp_path: Path) -> None:
    (tmp_path / "cv2.py").write_text("raise ImportError('No module named cv2')")
    code = f"import sys, runpy; sys.path.insert(0, {str(tmp_path)!r}); runpy.run_path({str(exported.example)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "infer.py needs onnxruntime, numpy and opencv-python-headless, but: No module named cv2\n"


def test_the_example_imports_its_packages_and_the_chosen_runtime_alone() -> None:
    source = example_text(example_settings(ARCH, codec="udp", sigma=None, data_format="coco"))
    imports = set(re.findall(r"^\s*(?:import|from) (\w+)", source, re.M))
    runtimes = {"ai_edge_litert", "ncnn", "onnxruntime", "openvino"}
    assert imports - set(sys.stdlib_module_names) == {"cv2", "numpy"} | runtimes
    at_once = set(re.findall(r"^(?:import|from) (\w+)", source, re.M))
    assert not at_once & runtimes


def test_the_example_is_one_file_with_every_name_once(tmp_path: Path) -> None:
    text = example_text({})
    names = re.findall(r"^(?:def|class) (\w+)|^([A-Z]+)\b.* = ", text, re.M)
    assert len(names) == len(set(names)) > 25
    templates = [(ROOT / "analysis" / "templates" / name).read_text() for name in (TEMPLATE, *PARTS)]
    for function in re.findall(r"^def .*$", "\n".join(templates), re.M):
        assert text.count(f"{function}\n") == 1
    file = tmp_path / "infer.py"
    file.write_text(text)
    words = ["ruff", "check", "--quiet", "--config", str(ROOT / "pyproject.toml"), str(file)]
    checked = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_keypoints_are_named_by_the_format_or_their_number() -> None:
    points: Any = keypoint_set_of(dataclasses.replace(ARCH, keypoints=16), None)
    assert points.name == "mpii16"
    assert keypoint_set_of(dataclasses.replace(ARCH, keypoints=5), "coco") is None
    settings = example_settings(dataclasses.replace(ARCH, keypoints=2), codec="msra", sigma=None, data_format=None)
    assert settings["keypoints"] == ["keypoint_0", "keypoint_1"]


def required(names: Iterable[str]) -> set[str]:
    """The installed packages of some names with all that they require."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            needed = map(Requirement, metadata.requires(name) or ())
            left += [each.name for each in needed if each.marker is None or each.marker.evaluate({"extra": ""})]
    return found


def link(environment: Path) -> None:
    """Put the installed three packages, and what they require, into an environment."""
    (packages,) = (environment / "lib").glob("python*/site-packages")
    for name in required(NEEDED):
        distribution = metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or () if file.parts[0] != ".."}:
            (packages / top).symlink_to(distribution.locate_file(top))


def install(environment: Path) -> None:
    """Install the three packages into an environment, as a user does; skips the test where that is impossible."""
    words = ["install", "--quiet", "--disable-pip-version-check", "-c", str(ROOT / "requirements.lock"), *NEEDED]
    done = subprocess.run([environment / "bin" / "python", "-m", "pip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"pip cannot install here: {done.stderr.strip().splitlines()[-1]}")


@pytest.mark.parametrize(
    ("words", "fill"),
    [
        pytest.param(["--without-pip"], link, id="linked"),
        pytest.param([], install, id="installed", marks=pytest.mark.nightly),
    ],
)
def test_it_runs_in_a_fresh_environment_with_three_packages(
    exported: Exported,
    network: PoseNetwork,
    drawn: DataConfig,
    tmp_path: Path,
    words: list[str],
    fill: Callable[[Path], None],
) -> None:
    """The example finds in a fresh environment the same keypoints as the trainer here."""
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", *words, str(environment)], check=True)
    fill(environment)
    python = environment / "bin" / "python"
    missing = subprocess.run([python, "-c", "import torch"], capture_output=True, text=True, check=False)
    assert "No module named 'torch'" in missing.stderr
    dataset = validation_set(drawn, ARCH, TrainConfig())
    expected = predict(network, dataset, flip_test=True)
    for index, person in enumerate(dataset.people):
        box = [str(value) for value in person.box]
        out = tmp_path / f"{index}.json"
        command = [
            str(python),
            "-I",
            str(exported.example),
            str(person.image_path),
            "--box",
            *box,
            "--flip",
            "--json",
            str(out),
        ]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert ran.returncode == 0, ran.stderr
        (person_found,) = json.loads(out.read_text())
        found = np.array([[entry["x"], entry["y"]] for entry in person_found["keypoints"]])
        assert np.abs(found - expected.keypoints[index]).max() < 0.1
