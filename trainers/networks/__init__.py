"""The network: Dite-HRNet, Lite-HRNet and the points between them, from their parts."""

from trainers.networks.dite_hrnet.build import build_network
from trainers.networks.dite_hrnet.released_checkpoint import load_released_checkpoint

__all__ = ["build_network", "load_released_checkpoint"]
