"""The exported network as MLflow serves it: photographs and boxes in, keypoints out.

MLflow copies this file into the model and runs it where the model is loaded. There it needs onnxruntime, numpy, OpenCV and
pandas, and nothing else of this package. The steps from an image to its keypoints are in the export's own example.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import mlflow
import numpy as np
import pandas as pd

NETWORK, EXAMPLE = "network", "example"
BOX = ["x", "y", "width", "height"]


class PoseModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc, name-defined]
    """Keypoints of one person for each row: ``image`` is the content of a file, the box is in pixels of that image."""

    def load_context(self, context: Any) -> None:
        """Open the ONNX model through the example that stands beside it."""
        spec = importlib.util.spec_from_file_location("dite_search_example", context.artifacts[EXAMPLE])
        assert spec is not None
        assert spec.loader is not None
        self._example = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self._example)
        self._estimator = self._example.Estimator(context.artifacts[NETWORK])

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """``keypoints``: a list of [x, y, confidence] for each row, in pixels; ``score``: the mean confidence.

        ``params`` may hold ``flip``: average with the mirrored image.
        """
        flip = bool((params or {}).get("flip", False))
        decoded: dict[bytes, Any] = {}
        rows = []
        for content, box in zip(model_input["image"], model_input[BOX].to_numpy(float), strict=True):
            if content not in decoded:
                decoded = {content: self._example.decode_image(content)}
            (keypoints,) = self._estimator(decoded[content], [box], flip=flip)
            keypoints = np.asarray(keypoints, np.float64)
            rows.append({"keypoints": keypoints.tolist(), "score": float(keypoints[:, 2].mean())})
        return pd.DataFrame(rows, columns=["keypoints", "score"])


mlflow.models.set_model(PoseModel())
