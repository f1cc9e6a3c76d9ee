"""The fields of KubeRay's resources that version 1.5.1 knows, from its API reference (ray.io/v1).

Pod templates are left to the schemas of Kubernetes. The CRD itself is not here: `kubectl apply --dry-run=server` on a
cluster with KubeRay checks against it.
"""

from __future__ import annotations

from typing import Any

POD = "pod template"
"""Stands for a PodTemplateSpec."""

RESOURCES = {"requests": dict, "limits": dict}
AUTOSCALER = {
    "version": {"v1", "v2"},
    "idleTimeoutSeconds": int,
    "upscalingMode": {"Default", "Aggressive", "Conservative"},
    "resources": RESOURCES,
    "image": str,
    "imagePullPolicy": {"Always", "IfNotPresent", "Never"},
    "env": list,
    "envFrom": list,
    "volumeMounts": list,
    "securityContext": dict,
}
HEAD = {
    "serviceType": {"ClusterIP", "NodePort", "LoadBalancer"},
    "headService": dict,
    "enableIngress": bool,
    "rayStartParams": {str: str},
    "template": POD,
}
WORKERS = {
    "groupName": str,
    "replicas": int,
    "minReplicas": int,
    "maxReplicas": int,
    "numOfHosts": int,
    "idleTimeoutSeconds": int,
    "suspend": bool,
    "rayStartParams": {str: str},
    "template": POD,
    "scaleStrategy": dict,
}
CLUSTER = {
    "rayVersion": str,
    "authOptions": {"mode": {"disabled", "token"}},
    "enableInTreeAutoscaling": bool,
    "autoscalerOptions": AUTOSCALER,
    "gcsFaultToleranceOptions": dict,
    "headGroupSpec": HEAD,
    "workerGroupSpecs": [WORKERS],
    "headServiceAnnotations": {str: str},
    "suspend": bool,
    "managedBy": str,
}
JOB = {
    "entrypoint": str,
    "submissionMode": {"K8sJobMode", "HTTPMode", "InteractiveMode", "SidecarMode"},
    "submitterConfig": {"backoffLimit": int},
    "submitterPodTemplate": POD,
    "backoffLimit": int,
    "activeDeadlineSeconds": int,
    "shutdownAfterJobFinishes": bool,
    "ttlSecondsAfterFinished": int,
    "suspend": bool,
    "jobId": str,
    "metadata": {str: str},
    "runtimeEnvYAML": str,
    "clusterSelector": {str: str},
    "entrypointNumCpus": float,
    "entrypointNumGpus": float,
    "entrypointResources": str,
    "rayClusterSpec": CLUSTER,
}
SPECS: dict[str, Any] = {"RayCluster": CLUSTER, "RayJob": JOB}
REQUIRED: dict[int, set[str]] = {
    id(CLUSTER): {"headGroupSpec"},
    id(HEAD): {"template"},
    id(WORKERS): {"groupName", "minReplicas", "maxReplicas", "template"},
}


def problems(value: Any, rule: Any, where: str) -> list[str]:
    """Return the problems of a value: unknown or missing fields, other types, values that are not among those allowed."""
    if rule == POD:
        return [] if isinstance(value, dict) else [f"{where} must be a pod template"]
    if isinstance(rule, set):
        return [] if value in rule else [f"{where} must be one of {sorted(rule)}, got {value!r}"]
    if isinstance(rule, list):
        if not isinstance(value, list):
            return [f"{where} must be a list"]
        return [found for index, item in enumerate(value) for found in problems(item, rule[0], f"{where}[{index}]")]
    if isinstance(rule, dict):
        return _of_mapping(value, rule, where)
    right = isinstance(value, rule) and not (rule is int and isinstance(value, bool))
    return [] if right else [f"{where} must be {rule.__name__}, got {value!r}"]


def _of_mapping(value: Any, rule: dict[Any, Any], where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where} must be a mapping"]
    if str in rule:
        return [found for name, item in value.items() for found in problems(item, rule[str], f"{where}.{name}")]
    missing = REQUIRED.get(id(rule), set()) - value.keys()
    unknown = value.keys() - rule.keys()
    return [
        *(f"{where}.{name} must be given" for name in sorted(missing)),
        *(f"{where}.{name} is not a field" for name in sorted(unknown)),
        *(found for name in value.keys() & rule.keys() for found in problems(value[name], rule[name], f"{where}.{name}")),
    ]
