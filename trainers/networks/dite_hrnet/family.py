"""The networks of the Dite-HRNet and Lite-HRNet family."""

from __future__ import annotations

from trainers.networks.dite_hrnet.build import build_network
from trainers.networks.dite_hrnet.context import ChannelAttention
from trainers.networks.dite_hrnet.dynamic_conv import KernelAttention
from trainers.networks.dite_hrnet.released_layout import RELEASED
from trainers.networks.family import NetworkFamily

NETWORKS = NetworkFamily(
    build=build_network,
    layouts=(RELEASED,),
    variable={"kernel_variation": (KernelAttention,), "context_variation": (ChannelAttention,)},
)
