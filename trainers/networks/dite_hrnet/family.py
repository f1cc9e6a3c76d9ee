"""The networks of the Dite-HRNet and Lite-HRNet family."""

from __future__ import annotations

from trainers.networks.dite_hrnet.build import build_network
from trainers.networks.dite_hrnet.context import ChannelAttention
from trainers.networks.dite_hrnet.dynamic_conv import KernelAttention
from trainers.networks.dite_hrnet.released_layout import RELEASED, own_names
from trainers.networks.dite_hrnet.shared_weights import SharedWeights
from trainers.networks.family import NetworkFamily

NETWORKS = NetworkFamily(
    build=build_network,
    parts={
        "stem": ("stem",),
        "stage2": ("stages.0",),
        "stage3": ("stages.1",),
        "stage4": ("stages.2",),
        "head": ("head", "final"),
    },
    layouts=(RELEASED,),
    own_names=own_names,
    share=SharedWeights,
    variable={"kernel_variation": (KernelAttention,), "context_variation": (ChannelAttention,)},
)
