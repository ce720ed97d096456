"""The workflow through a real SLURM of one node, whose GPU is a pretence."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml
from running import copy_project, environment, snakemake

# job steps read this file and no other
CONF = Path("/etc/slurm/slurm.conf")
GRES = CONF.with_name("gres.conf")
PROGRAMS = ["munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "sinfo"]
QUICK = {
    "datasets": ["demo"],
    "models": ["ridge", "lmf"],
    "seeds": [1],
    "settings": {"lmf": {"epochs": 2}},
    "robustness": False,
    "ablate": False,
}
# a `python` whose first training of LMF fails
PYTHON = """#!/bin/sh
echo "$SLURM_JOB_ID" "$3" "$CUDA_VISIBLE_DEVICES" >> '{folder}/calls'
case "$3 $4" in
    train*lmf*) mkdir '{folder}/failed' 2> /dev/null && exit 1 ;;
esac
exec '{python}' "$@"
"""


def obstacle():
    """Why no SLURM can be started here, or an empty text."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} not installed: apt-get install slurm-wlm munge"
    if os.geteuid():
        return "only root starts a SLURM"
    for path in (CONF, GRES):
        if path.exists() and "pretence" not in path.read_text():
            return f"{path}: this machine is part of a cluster"
    return ""


def free_ports(count):
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def configuration(folder):
    """The text of slurm.conf: more CPUs and memory than there are, so that every stage fits."""
    host = socket.gethostname().partition(".")[0]
    controller, node = free_ports(2)
    return f"""
ClusterName=pretence
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser=root
SlurmdUser=root
AuthInfo=socket={folder}/munge.socket
ProctrackType=proctrack/linuxproc
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
ReturnToService=2
MinJobAge=86400
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 RealMemory=64000 Gres=gpu:1
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def wait_for(reached, folder, seconds=60):
    end = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > end:
            logs = {path.name: path.read_text()[-2000:] for path in folder.glob("*.log")}
            pytest.fail("\n".join(f"{name}:\n{text}" for name, text in logs.items()))
        time.sleep(0.2)


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    """A SLURM of one node that lives as long as this module's tests."""
    if reason := obstacle():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    folder = tmp_path_factory.mktemp("slurm")
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.touch(0o600)
    key.write_bytes(os.urandom(128))
    munge = {
        "socket": folder / "munge.socket",
        "key-file": key,
        "seed-file": folder / "munge.seed",
        "pid-file": folder / "munge.pid",
        "log-file": folder / "munge.log",
    }
    with ExitStack() as stack:

        def start(*command):
            log = stack.enter_context((folder / f"{Path(command[0]).name}.log").open("w"))
            daemon = subprocess.Popen(command, stdout=log, stderr=log)
            stack.callback(daemon.wait)
            stack.callback(daemon.send_signal, signal.SIGTERM)

        stack.callback(CONF.unlink, missing_ok=True)
        stack.callback(GRES.unlink, missing_ok=True)
        CONF.write_text(configuration(folder))
        GRES.write_text("# pretence\nName=gpu File=/dev/zero\n")
        start("munged", "--foreground", "--force", *(f"--{k}={path}" for k, path in munge.items()))
        wait_for(munge["socket"].exists, folder)
        start("slurmctld", "-D")
        start("slurmd", "-D")
        wait_for(lambda: output_of("sinfo", "-h", "-o", "%t") == "idle", folder)
        stack.callback(output_of, "scancel", "--user=root")
        yield


def submitted():
    """What SLURM knows of every job, by its rule and in the order of submission."""
    jobs = {}
    for text in output_of("scontrol", "show", "job").split("\n\n"):
        job = dict(re.findall(r"(\w+)=(\S+)", text))
        rule = job["Comment"].removeprefix("rule_").partition("_wildcards_")
        jobs.setdefault((rule[0], "lmf" in rule[2]), []).append(job)
    return jobs


@pytest.mark.slow
def test_the_chain_with_a_job_that_fails_once(slurm, tmp_path):
    local, remote, shim = (tmp_path / name for name in ("local", "remote", "shim"))
    for project in map(copy_project, (local, remote)):
        (project / "quick.yaml").write_text(yaml.safe_dump(QUICK))
    shim.mkdir()
    (shim / "python").write_text(PYTHON.format(folder=shim, python=sys.executable))
    (shim / "python").chmod(0o755)
    env = environment()
    env["PATH"] = f"{shim}{os.pathsep}{env['PATH']}"
    command = [sys.executable, "-m", "snakemake", "--workflow-profile", "slurm"]
    command += ["--configfile", "quick.yaml", "--slurm-init-seconds-before-status-checks", "10"]
    done = subprocess.run(command, cwd=remote, env=env, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]

    jobs = submitted()
    failed, again = jobs["train", True]
    assert (failed["JobState"], again["JobState"]) == ("FAILED", "COMPLETED")
    megabytes = [int(job["MinMemoryNode"].removesuffix("M")) for job in (failed, again)]
    assert megabytes[1] == 2 * megabytes[0] > 16000
    assert (failed["TimeLimit"], again["TimeLimit"]) == ("04:00:00", "08:00:00")
    others = [job for found in jobs.values() for job in found if job is not failed]
    assert {job["JobState"] for job in others} == {"COMPLETED"}
    assert {rule for rule, _ in jobs} == {
        *("demo", "demo_encoder", "align", "split", "audit", "clean", "croissant", "probe"),
        *("encode", "train"),
    }
    assert {rule for (rule, _), found in jobs.items() if "TresPerJob" in found[0]} == {
        *("encode", "train")
    }
    calls = [line.split(" ") for line in (shim / "calls").read_text().splitlines()]
    devices = {job: device for job, stage, device in calls if stage == "train"}
    assert devices == {job["JobId"]: "0" for key in jobs if key[0] == "train" for job in jobs[key]}
    assert {job for job, stage, _ in calls if stage in ("settings", "score", "summarize")} == {""}

    snakemake(local, "--configfile", "quick.yaml")
    for model in QUICK["models"]:
        weights = f"runs/demo/{model}/main/all/1/model.safetensors"
        assert (remote / weights).read_bytes() == (local / weights).read_bytes()
        result = f"results/demo/{model}.json"
        here, there = (json.loads((project / result).read_text()) for project in (local, remote))
        assert there["targets"] == here["targets"]
