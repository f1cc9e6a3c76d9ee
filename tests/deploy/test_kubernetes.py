"""The Kubernetes manifests: schemas, what they refer to, tokens, secrets, and who can reach what."""

from __future__ import annotations

import copy
import shlex

import pytest
import yaml
from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr
from ray.autoscaler._private.util import validate_config

from dite_search.cli import main
from tests.conftest import ROOT
from tests.deploy.kuberay import CLUSTER, SPECS, problems
from tests.deploy.pins import image_tag, locked

FOLDER = ROOT / "deploy" / "kuberay"
DOCUMENTS = [
    (path.name, document)
    for path in sorted(FOLDER.glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
]
NAMES = [f"{file}:{document['kind']}/{document['metadata']['name']}" for file, document in DOCUMENTS]
KUBERNETES = "1.33"


def of_kind(kind):
    return [document for _, document in DOCUMENTS if document["kind"] == kind]


def clusters():
    (job,), (cluster,) = of_kind("RayJob"), of_kind("RayCluster")
    return {"RayJob": job["spec"]["rayClusterSpec"], "RayCluster": cluster["spec"]}


def ray_templates(spec):
    return [spec["headGroupSpec"]["template"], *(group["template"] for group in spec["workerGroupSpecs"])]


def templates():
    own = [document["spec"]["template"] for document in (*of_kind("Deployment"), *of_kind("StatefulSet"))]
    return own + [template for spec in clusters().values() for template in ray_templates(spec)]


@pytest.fixture(scope="module")
def validate():
    return pytest.importorskip("kubernetes_validate").validate


@pytest.mark.parametrize(("file", "document"), DOCUMENTS, ids=NAMES)
def test_each_document_fits_its_schema(validate, file, document):
    if document["kind"] in SPECS:
        assert document["apiVersion"] == "ray.io/v1"
        assert problems(document["spec"], SPECS[document["kind"]], document["kind"]) == []
    else:
        validate(document, KUBERNETES, strict=True)


def test_pods_of_ray_fit_the_schema_of_pods(validate):
    for template in templates():
        wrapped = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "x"}, "template": template}
        validate(wrapped, KUBERNETES, strict=True)
        broken = copy.deepcopy(wrapped)
        broken["template"]["spec"]["containers"][0]["imagee"] = "x"
        with pytest.raises(Exception, match="imagee"):
            validate(broken, KUBERNETES, strict=True)


def test_what_is_no_field_of_kuberay_is_found():
    spec = copy.deepcopy(clusters()["RayCluster"])
    spec["authOptions"]["mode"] = "tokens"
    spec["workerGroupSpecs"][0]["minReplica"] = spec["workerGroupSpecs"][0].pop("minReplicas")
    spec["headGroupSpec"]["rayStartParams"]["num-cpus"] = 0
    assert sorted(problems(spec, CLUSTER, "spec")) == [
        "spec.authOptions.mode must be one of ['disabled', 'token'], got 'tokens'",
        "spec.headGroupSpec.rayStartParams.num-cpus must be str, got 0",
        "spec.workerGroupSpecs[0].minReplica is not a field",
        "spec.workerGroupSpecs[0].minReplicas must be given",
    ]


@pytest.mark.parametrize("kind", ["RayCluster", "RayJob"])
def test_rays_autoscaler_reads_the_groups(kind):
    """Ray's own autoscaler reads the groups of the resource."""
    config = _derive_autoscaling_config_from_ray_cr(
        {"metadata": {"name": "dite-search", "namespace": "dite-search"}, "spec": clusters()[kind]}
    )
    validate_config(config)
    types = config["available_node_types"]
    assert config["head_node_type"] == "headgroup"
    assert types["headgroup"]["resources"]["CPU"] == 0, "the head trains nothing"
    assert types["gpu"]["resources"] | {"memory": 0} == {"CPU": 10, "GPU": 1, "memory": 0}
    assert (types["gpu"]["min_workers"], types["gpu"]["max_workers"]) == (0, 8)
    assert types["cpu"]["resources"]["CPU"] == 8
    assert config["idle_timeout_minutes"] == 5


def test_the_job_and_the_cluster_are_one_but_for_the_search_file():
    found = copy.deepcopy(clusters())
    pod = found["RayJob"]["headGroupSpec"]["template"]["spec"]
    assert pod["volumes"].pop()["configMap"] == {"name": "dite-search-file"}
    mount = pod["containers"][0]["volumeMounts"].pop()
    assert found["RayJob"] == found["RayCluster"]
    (job,) = of_kind("RayJob")
    for words in job["spec"]["entrypoint"].split("&&"):
        program, *command = shlex.split(words)
        assert program == "dite-search"
        given = iter(command)
        group, context = main, None
        while hasattr(group, "commands"):
            group = group.commands[next(given)]
        context = group.make_context(program, list(given))
        assert context.params["file"] == f"{mount['mountPath']}/search.yaml"


def test_tokens_are_asked_for():
    for spec in clusters().values():
        assert spec["authOptions"] == {"mode": "token"}
        for template in ray_templates(spec):
            for container in template["spec"]["containers"]:
                assert not [item for item in container.get("env", []) if item["name"].startswith("RAY_AUTH")], (
                    "KubeRay sets them"
                )


def test_nothing_is_open_beyond_the_cluster():
    services = of_kind("Service")
    assert {service["spec"]["type"] for service in services} == {"ClusterIP"}
    for spec in clusters().values():
        assert spec["headGroupSpec"]["serviceType"] == "ClusterIP"
        assert "enableIngress" not in spec["headGroupSpec"]
    assert not of_kind("Ingress")
    (policy,) = of_kind("NetworkPolicy")
    assert policy["spec"]["podSelector"] == {}
    for template in templates():
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(template["spec"])
        assert not [port for c in template["spec"]["containers"] for port in c.get("ports", []) if "hostPort" in port]


def test_pods_run_as_users_without_privileges():
    for template in templates():
        pod = template["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["runAsUser"] >= 999
        for container in pod["containers"]:
            assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
            assert container["resources"]["limits"]["memory"]


def test_no_secret_is_committed():
    (secret,) = of_kind("Secret")
    assert set(secret["stringData"].values()) == {"REPLACE_ME"}
    assert "data" not in secret
    for template in templates():
        for item in (item for container in template["spec"]["containers"] for item in container.get("env", [])):
            if "PASSWORD" in item["name"]:
                assert item["valueFrom"]["secretKeyRef"] == {
                    "name": secret["metadata"]["name"],
                    "key": next(iter(secret["stringData"])),
                }
            elif "://" in item["value"] and "@" in item["value"]:
                assert ":$(POSTGRES_PASSWORD)@" in item["value"]


def test_what_is_referred_to_exists():
    names = {(document["kind"], document["metadata"]["name"]) for _, document in DOCUMENTS}
    made_by_hand = {("ConfigMap", "dite-search-file")}
    for template in templates():
        for volume in template["spec"].get("volumes", []):
            wanted = (
                ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"])
                if "persistentVolumeClaim" in volume
                else ("ConfigMap", volume["configMap"]["name"])
            )
            assert wanted in names | made_by_hand
    for spec in clusters().values():
        env = {
            item["name"]: item.get("value", "") for item in spec["headGroupSpec"]["template"]["spec"]["containers"][0]["env"]
        }
        for service, port in (("dite-search-postgres", 5432), ("dite-search-mlflow", 5000)):
            assert ("Service", service) in names
            assert any(f"{service}:{port}" in value for value in env.values())
    for _, document in DOCUMENTS:
        if document["kind"] != "Namespace":
            assert document["metadata"]["namespace"] == "dite-search"


def test_services_select_the_pods_that_are_there():
    labels = [t["metadata"]["labels"] for t in templates() if "metadata" in t]
    for service in of_kind("Service"):
        assert service["spec"]["selector"] in labels


def test_versions_are_those_of_the_lock():
    for spec in clusters().values():
        assert spec["rayVersion"] == locked("ray")
    images = [container["image"] for template in templates() for container in template["spec"]["containers"]]
    own = {image for image in images if "dite-search" in image}
    assert own == {f"registry.example.com/dite-search:{image_tag('cuda')}"}
    assert all(":" in image and not image.endswith(":latest") for image in images)
