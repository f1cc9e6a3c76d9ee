"""The names of a study's attributes and of the reports of its trials."""

from __future__ import annotations

from analysis.study.trial_status import INTERRUPTED

ARCH = "arch"
ARCH_ID = "arch_id"
REASON = "reason"
OUTAGE = "outage"
STARTED = "started"
SECONDS = "seconds"
METRICS = "metrics"
MLFLOW_RUN = "mlflow_run_id"
SEED = "seed"
REUSED = "reused_from"
ORIGIN = "origin"
CONTINUES = "continues"
WHOLE = "whole"
PROTOCOL = "protocol"
WHERE = "where"
UNDECIDED = "undecided"
WEIGHTS_TAKEN = "weights_taken"
EPOCH = "epoch:"
"""Names of the attributes that a study and its trials carry; one attribute an epoch begins with `EPOCH`.

`UNDECIDED` is the first epoch of a trial about which the scheduler was not asked, as when a pause stopped the trial with it.
`WEIGHTS_TAKEN` is the share of its network's parameters that a trial took of ``training.start_from``.
"""
EPOCH_KEY = "epoch"
"""In what a trial reports: the epoch that has ended, from 1."""

UNEXPLAINED = "the trial's process ended without giving a reason (killed, or out of memory)"
NOT_ITS_OWN = (UNEXPLAINED, INTERRUPTED)
"""Reasons for which a trial fails that say nothing about what it trained, as those with `OUTAGE` do."""
