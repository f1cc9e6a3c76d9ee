"""Heatmap codecs: keypoints in input pixels to target heatmaps, and predicted heatmaps back to keypoints.

A codec also decides how a crop is resampled, and how heatmaps of mirrored inputs are laid over the others. The four belong
together, and mixing them costs accuracy.
"""

from __future__ import annotations

from search_spaces.common.errors import unknown_name
from trainers.data.codecs.base import Codec, default_sigma
from trainers.data.codecs.dark import DarkCodec
from trainers.data.codecs.msra import MsraCodec
from trainers.data.codecs.udp import UdpCodec

__all__ = ["Codec", "DarkCodec", "MsraCodec", "UdpCodec", "default_sigma", "make_codec"]

_CODECS: dict[str, type[DarkCodec] | type[MsraCodec] | type[UdpCodec]] = {
    "msra": MsraCodec,
    "udp": UdpCodec,
    "dark": DarkCodec,
}


def make_codec(
    name: str, *, input_size: tuple[int, int], heatmap_size: tuple[int, int], sigma: float | None = None
) -> DarkCodec | MsraCodec | UdpCodec:
    """The codec of that name; ``sigma`` None takes the published deviation for the heatmap's size.

    Raises InvalidInput for an unknown name, or sizes and a deviation that make no heatmap.
    """
    if name not in _CODECS:
        raise unknown_name("codec", name, _CODECS)
    if sigma is None:
        sigma = default_sigma(heatmap_size)
    return _CODECS[name](input_size=input_size, heatmap_size=heatmap_size, sigma=sigma)
