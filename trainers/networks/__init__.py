"""Networks of every family: how they are built, and how published checkpoints of them are read."""

from trainers.networks.load import load_released_checkpoint
from trainers.networks.registry import build_network

__all__ = ["build_network", "load_released_checkpoint"]
