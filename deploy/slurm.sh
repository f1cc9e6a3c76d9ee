#!/usr/bin/env bash
# A search on the nodes of one Slurm job: a Ray head on the first, workers on the others, gone with the job.
#   sbatch deploy/slurm.sh search search.yaml --data /shared/coco --directory /shared/runs
#   sbatch deploy/slurm.sh resume my_search --directory /shared/runs
#SBATCH --job-name=dite-search
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=10
#SBATCH --gpus-per-node=1
#SBATCH --time=24:00:00
#SBATCH --output=dite-search-%j.log

set -euo pipefail

if [ "$#" -eq 0 ]; then
  echo "error: slurm.sh needs the words of a dite-search command, such as: search FILE --directory FOLDER" >&2
  exit 2
fi
# The environment that holds dite-search, on storage that every node sees.
if [ -n "${DITE_SEARCH_VENV:-}" ]; then
  PATH="$DITE_SEARCH_VENV/bin:$PATH"
  export PATH
fi

job=${SLURM_JOB_ID:?slurm.sh must be started by sbatch}
nodes=${SLURM_JOB_NUM_NODES:?}
cpus=${SLURM_CPUS_PER_TASK:-1}
gpus=${SLURM_GPUS_ON_NODE:-0}
# A port of the job's own, so that two jobs may share a node.
port=${DITE_SEARCH_PORT:-$((20000 + job % 20000))}
seconds=${DITE_SEARCH_START_SECONDS:-300}

# The token is made for this job, and read by its nodes from a file that only its owner can read.
umask 077
token_folder=${DITE_SEARCH_TOKEN_FOLDER:-$HOME/.ray}
mkdir -p "$token_folder"
RAY_AUTH_TOKEN_PATH="$token_folder/slurm-$job.token"
RAY_AUTH_MODE=token
export RAY_AUTH_TOKEN_PATH RAY_AUTH_MODE
export RAY_USAGE_STATS_ENABLED=0
unset RAY_AUTH_TOKEN

steps=()
end() {
  status=$?
  trap - EXIT
  for step in "${steps[@]}"; do kill "$step" 2>/dev/null || true; done
  for step in "${steps[@]}"; do wait "$step" 2>/dev/null || true; done
  rm -f "$RAY_AUTH_TOKEN_PATH"
  exit "$status"
}
trap end EXIT
trap 'exit 143' TERM INT

rm -f "$RAY_AUTH_TOKEN_PATH"
python -c 'import secrets; print(secrets.token_hex(32), end="")' > "$RAY_AUTH_TOKEN_PATH"
chmod 600 "$RAY_AUTH_TOKEN_PATH"
umask 022

mapfile -t names < <(scontrol show hostnames "${SLURM_JOB_NODELIST:?}")
head=${names[0]}
address=$(srun --overlap --nodes=1 --ntasks=1 --nodelist="$head" hostname --ip-address | awk '{print $1}')
export RAY_ADDRESS="$address:$port"

echo "Ray head on $head ($RAY_ADDRESS), $nodes nodes with $cpus CPUs and $gpus GPUs each"
srun --overlap --nodes=1 --ntasks=1 --nodelist="$head" \
  env -u RAY_ADDRESS ray start --head --block --include-dashboard=false \
  --node-ip-address="$address" --port="$port" --num-cpus="$cpus" --num-gpus="$gpus" &
steps+=($!)
if [ "$nodes" -gt 1 ]; then
  others=$(IFS=,; echo "${names[*]:1}")
  # A worker asks again until the head answers.
  srun --overlap --nodes=$((nodes - 1)) --ntasks=$((nodes - 1)) --nodelist="$others" \
    env -u RAY_ADDRESS RAY_ADDRESS_OF_HEAD="$RAY_ADDRESS" CPUS="$cpus" GPUS="$gpus" bash -c '
      until ray health-check --address "$RAY_ADDRESS_OF_HEAD" >/dev/null 2>&1; do sleep 2; done
      exec ray start --address="$RAY_ADDRESS_OF_HEAD" --block --num-cpus="$CPUS" --num-gpus="$GPUS"' &
  steps+=($!)
fi

WANTED="$nodes" SECONDS_AT_MOST="$seconds" python - <<'PYTHON'
import logging
import os
import sys
import time

import ray

wanted, end = int(os.environ["WANTED"]), time.monotonic() + float(os.environ["SECONDS_AT_MOST"])
alive = 0
while time.monotonic() < end:
    try:
        ray.init(logging_level=logging.CRITICAL, log_to_driver=False)
        while alive < wanted and time.monotonic() < end:
            alive = sum(node["Alive"] for node in ray.nodes())
            time.sleep(1)
        break
    except (ConnectionError, RuntimeError):
        time.sleep(2)
if alive < wanted:
    sys.exit(f"error: {alive} of {wanted} nodes joined the Ray head within {os.environ['SECONDS_AT_MOST']} seconds")
PYTHON

dite-search "$@"
