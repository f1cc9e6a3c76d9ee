"""Ray for a search: a quiet one of its own or the cluster that ``RAY_ADDRESS`` names, and what happens when it is gone."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sys
from collections.abc import Iterator
from typing import Any

# Ray reads these when it is imported: no usage statistics, no change of the working directory, our own output only.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")
os.environ.setdefault("RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS", "0")
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
# What Ray says of a node that died, with the end of its log, goes to the standard output, where a JSON result may be due.
os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
os.environ.setdefault("TUNE_DISABLE_STRICT_METRIC_CHECKING", "1")
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "10")
# Ctrl-C is ours to handle: Tune's own handler drops the running epochs.
os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")

import ray
from ray._private import parameter as ray_parameters
from ray._private import ray_constants

from dite_search.config.search_config import SearchConfig
from dite_search.driver.head_question import question_to_head
from dite_search.driver.heartbeat import Heartbeat
from search_spaces.common.errors import InvalidInput, first_line
from search_spaces.common.shell import own_command

RAYS_PATIENCE = "RAY_gcs_rpc_server_reconnect_timeout_s"
HEAD_PATIENCE = 0.75 * float(os.environ.get(RAYS_PATIENCE, "60"))
"""Seconds for which the cluster's head may be silent. Ray ends the whole process a little later, with words of its own."""


def start_ray() -> None:
    """Connect to the cluster that ``RAY_ADDRESS`` names, or start a quiet local one; nothing where one runs already.

    A local one can be reached from this machine only.
    """
    if ray.is_initialized():
        return
    # What goes wrong in a trial is told by its reason and its error file, not by Ray's own log on the user's screen.
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL, "configure_logging": True}
    local = "RAY_ADDRESS" not in os.environ
    if local:
        # Without an address Ray would look for a cluster on this machine, and wait for one that is gone.
        options |= {"address": "local", "include_dashboard": False}
    try:
        with _small_and_on_loopback() if local else contextlib.nullcontext():
            ray.init(**options)
        logging.getLogger("ray").setLevel(logging.CRITICAL)
    except ConnectionError as error:
        raise InvalidInput(f"RAY_ADDRESS {os.environ.get('RAY_ADDRESS')} cannot be reached: {error}") from None
    except Exception as error:
        # Ray raises dozens of kinds where its processes do not start.
        raise InvalidInput(f"Ray must start, but did not: {first_line(error)}") from None


@contextlib.contextmanager
def _small_and_on_loopback() -> Iterator[None]:
    """Have a Ray that starts in the block listen on 127.0.0.1 alone; otherwise it does on every address of the machine.

    Ray has a switch for this, which it turns by itself on systems whose firewall asks the user. Two of Ray's processes are
    left out: one sends logs to the driver, which drops them, and one adds nodes.
    """
    name = ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR
    variable, constant = os.environ.get(name), ray_constants.ENABLE_RAY_CLUSTER
    module: Any = ray_parameters
    parameters = module.RayParams
    os.environ[name], ray_constants.ENABLE_RAY_CLUSTER = "0", False
    # `ray start` has options for both, ray.init has none.
    module.RayParams = functools.partial(parameters, no_monitor=True, include_log_monitor=False)
    try:
        yield
    finally:
        module.RayParams = parameters
        ray_constants.ENABLE_RAY_CLUSTER = constant
        os.environ.pop(name)
        if variable is not None:
            os.environ[name] = variable


def heartbeat_of_head(config: SearchConfig) -> Heartbeat:
    """Ends this process, with one sentence, when the head has not answered for `HEAD_PATIENCE`."""
    return Heartbeat(question_to_head(), lost=lambda: _end_without_head(config), limit=HEAD_PATIENCE)


def _end_without_head(config: SearchConfig) -> None:
    """End this process, as one whose cluster is gone can do nothing else: its threads wait for Ray for ever."""
    address = os.environ.get("RAY_ADDRESS")
    cluster = f"the cluster at RAY_ADDRESS {address}" if address else "the local Ray"
    print(
        f"Error: {cluster} must answer, but its head has been gone for {HEAD_PATIENCE:g} s or was started anew; the study"
        f" has what was reported, and once a head runs this goes on:  {own_command('resume', config.study_directory)}",
        file=sys.stderr,
        flush=True,
    )
    os._exit(2)
