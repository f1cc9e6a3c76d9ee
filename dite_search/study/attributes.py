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
OWN_COSTS = "own_costs"
REUSED = "reused_from"
ORIGIN = "origin"
CONTINUES = "continues"
CONFIRMS = "confirms"
WHOLE = "whole"
PROTOCOL = "protocol"
WHERE = "where"
UNDECIDED = "undecided"
EPOCH = "epoch:"
"""Names of the attributes that a study and its trials carry; one attribute an epoch begins with `EPOCH`.

`UNDECIDED` is the first epoch of a trial about which the scheduler was not asked, as when a pause stopped the trial with it.
`CONFIRMS` is the number of the trial whose network is trained again, to confirm its score.
A trial that began from other weights has `WEIGHTS_TAKEN` too.
"""
LATE_MLFLOW_RUN = f"{MLFLOW_RUN}:"
"""Begins the study's own attribute for a trial whose run was made when the trial had ended: Optuna changes no such trial."""
EPOCH_KEY = "epoch"
"""In what a trial reports: the epoch that has ended, from 1."""

UNEXPLAINED = "the trial's process ended without giving a reason (killed, or out of memory)"
NOT_ITS_OWN = (UNEXPLAINED, INTERRUPTED)
"""Reasons for which a trial fails that say nothing about what it trained, as those with `OUTAGE` do."""
