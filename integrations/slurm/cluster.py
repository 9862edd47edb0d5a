"""A Slurm in a folder, for the time of a `with`: real daemons, on loopback."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

SBIN = "/usr/sbin:/usr/bin:/bin"
CPUS = 8
_TIMEOUT = 60.0
_CONF = """
ClusterName=credhelper
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={root}/munge/socket
CryptoType=crypto/munge
SlurmctldPort={controller}
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/%n
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd-%n.pid
SlurmctldLogFile={root}/slurmctld.log
SlurmdLogFile={root}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
MailProg=/bin/true
{nodes}
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
_NODE = (
    "NodeName={name} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port} CPUs={cpus}"
    " RealMemory=100 State=UNKNOWN"
)


class Cluster:
    """A running cluster. Attributes: `root`, its folder; `conf`, the path of its slurm.conf."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.conf = root / "slurm.conf"

    def ask(self, *words: str, environ: dict[str, str], cwd: Path | None = None) -> str:
        """Run a command of Slurm's, which must succeed; returns what it prints."""
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            env={**environ, "SLURM_CONF": str(self.conf)},
            cwd=cwd,
            timeout=_TIMEOUT,
        )
        assert done.returncode == 0, (words, done.stderr, self.told())
        return done.stdout

    def run(self, script: Path, environ: dict[str, str]) -> str:
        """Submit a job from the folder that its script is in, and wait for its end: its id."""
        job = self.ask("sbatch", "--parsable", script.name, environ=environ, cwd=script.parent)
        self.wait(job.strip(), environ)
        return job.strip()

    def wait(self, job: str, environ: dict[str, str]) -> None:
        """Wait until all of a job has ended."""
        until(
            lambda: (
                not self.ask("squeue", "-h", "-t", "all", "-j", job, "-o", "%T", environ=environ)
                .replace("COMPLETED", "")
                .replace("FAILED", "")
                .replace("CANCELLED", "")
                .strip()
            ),
            self.told,
        )

    def told(self) -> str:
        """Return the ends of the daemons' logs."""
        return "\n".join(path.read_text()[-1500:] for path in self.root.glob("*.log"))


@contextlib.contextmanager
def running(root: Path, names: tuple[str, ...] = ("localhost",)) -> Iterator[Cluster]:
    """Run a cluster in the folder `root`, which is made; as root, as slurmd has to be.

    Parameters: `names`, of its nodes, all of them on this machine.
    """
    # Short, for the sake of the sockets in there.
    for name in ("state", "munge", *names):
        (root / name).mkdir(0o700, parents=True)
    key = root / "munge/key"
    key.touch(0o600)
    key.write_bytes(os.urandom(1024))
    cluster = Cluster(root)
    controller, *ports = _free_ports(1 + len(names))
    told = [
        _NODE.format(name=name, port=port, cpus=CPUS)
        for name, port in zip(names, ports, strict=True)
    ]
    cluster.conf.write_text(_CONF.format(root=root, controller=controller, nodes="\n".join(told)))
    munge = [
        *(
            "munged",
            "--foreground",
            "--force",
            f"--key-file={key}",
            f"--socket={root}/munge/socket",
        ),
        *(f"--pid-file={root}/munge/pid", f"--log-file={root}/munge.log"),
        *(f"--seed-file={root}/munge/seed", "--num-threads=2"),
    ]
    environ = {"PATH": SBIN, "LANG": "C.UTF-8"}
    with contextlib.ExitStack() as stack:
        stack.enter_context(_daemon(munge, environ, root / "munge.out"))
        until((root / "munge/socket").exists, cluster.told)
        nodes = [["slurmd", "-D", "-N", name] for name in names]
        for words in (["slurmctld", "-D"], *nodes):
            out = root / f"{words[0]}-{words[-1]}.out"
            daemon = _daemon([*words, "-f", str(cluster.conf)], environ, out)
            stack.enter_context(daemon)
        idle = ["sinfo", "-h", "-t", "idle", "-o", "%D"]
        until(lambda: cluster.ask(*idle, environ=environ).strip() == str(len(names)), cluster.told)
        yield cluster


@contextlib.contextmanager
def _daemon(words: list[str], environ: dict[str, str], out: Path) -> Iterator[None]:
    with out.open("w") as told:
        process = subprocess.Popen(
            words, env=environ, stdin=subprocess.DEVNULL, stdout=told, stderr=told
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(20)


def until(happened: Callable[[], object], told: Callable[[], str]) -> None:
    end = time.monotonic() + _TIMEOUT
    while not happened():
        assert time.monotonic() < end, told()
        time.sleep(0.2)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
