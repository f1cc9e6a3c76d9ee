"""Augmentation that changes how a sample looks and not where its keypoints are, through kornia (an optional dependency).

Images are (h, w, 3) BGR of 8 bits. Nothing here is imported by a training with strength 0.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from search_spaces.common.errors import InvalidInput
from trainers.data.geometry.transforms import IMAGENET_MEAN


@dataclass(frozen=True, kw_only=True)
class Photometric:
    """Random colour, sharpness and one covered patch, all growing with ``strength`` s, above 0 and at most 1.

    Brightness, contrast and saturation change first, by factors in 1 ± 0.4 s, and hue by up to 0.1 s of the colour circle.
    Then comes, with probability 0.5 s, a Gaussian blur of up to 2 pixels' deviation. Last, with probability 0.5 s, a patch
    of 2% to 2% + 18% s of the picture is covered in the mean grey of ImageNet (arXiv:1708.04896). Keypoints under the patch
    stay labelled: a person is to be found behind things too.

    Raises:
        InvalidInput: the strength is out of its range, or kornia is not installed.
    """

    strength: float

    def __post_init__(self) -> None:
        if not 0 < self.strength <= 1:
            raise InvalidInput(f"photometric strength must be a number above 0 and at most 1, got {self.strength}")
        try:
            importlib.import_module("kornia.augmentation")
        except ImportError as error:
            raise InvalidInput(
                f"photometric above 0 needs kornia, install the extra 'augment' (pip install 'dite-search[augment]'),"
                f" got photometric {self.strength:g} and: {error}"
            ) from None

    def __call__(self, image: NDArray[np.uint8], generator: np.random.Generator) -> NDArray[np.uint8]:
        """A changed copy of (h, w, 3); what changes depends on ``generator`` only, which moves on by one draw."""
        seed = int(generator.integers(2**63))
        # kornia draws from torch's generator of the CPU alone, so that one is lent to it; torch.manual_seed would also
        # reset those of the accelerators, from which a network's dropout may draw.
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.default_generator.manual_seed(seed)
            rgb = torch.from_numpy(np.ascontiguousarray(image[:, :, ::-1].transpose(2, 0, 1)))
            changed = self._changes(rgb[None].float() / 255)[0]
        values = (changed * 255).round().clamp(0, 255).to(torch.uint8).numpy()
        return np.ascontiguousarray(values.transpose(1, 2, 0)[:, :, ::-1])

    @cached_property
    def _changes(self) -> nn.Module:
        """(1, 3, h, w) RGB in [0, 1] to the same."""
        from kornia import augmentation as kornia

        s = self.strength
        return nn.Sequential(
            kornia.ColorJitter(0.4 * s, 0.4 * s, 0.4 * s, 0.1 * s, p=1.0),
            # One 5 x 5 pass takes less time than the two of a separated kernel.
            kornia.RandomGaussianBlur((5, 5), (0.1, 2.0), separable=False, p=0.5 * s),
            kornia.RandomErasing(scale=(0.02, 0.02 + 0.18 * s), ratio=(0.5, 2.0), value=fmean(IMAGENET_MEAN), p=0.5 * s),
        )


def photometric_of(strength: float) -> Photometric | None:
    """The changes of that strength, from 0 to 1; None for 0, which asks for no changes and no library."""
    return Photometric(strength=strength) if strength else None
