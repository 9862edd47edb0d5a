"""`credhelper setup kubectl` with many clusters: `python benchmarks/kubectl.py [CLUSTERS]`.

Run it from a virtual environment that holds the wheel (`make bench` does), not an editable install.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path

import measure

CLUSTERS = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
SERVICE = "https://k7.example:6443"


def kubeconfig(clusters: int) -> str:
    """Return a kubeconfig with so many clusters, contexts and users, of 500 bytes together."""
    lines = ["apiVersion: v1", "kind: Config", "clusters:"]
    for number in range(clusters):
        lines += ["- cluster:", f"    certificate-authority-data: {'A' * 220}"]
        lines += [f"    server: https://k{number}.example:6443", f"  name: c{number}"]
    lines.append("contexts:")
    for number in range(clusters):
        lines += ["- context:", f"    cluster: c{number}", f"    user: u{number}"]
        lines.append(f"  name: x{number}")
    lines.append("users:")
    for number in range(clusters):
        lines += [f"- name: u{number}", "  user:", f"    token: {'B' * 100}"]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print what setting up and undoing cost, against a bare interpreter."""
    with tempfile.TemporaryDirectory() as home:
        key, config, path = (Path(home, name) for name in ("key", "config.toml", ".kube/config"))
        key.touch(0o600)
        key.write_text("x" * 40)
        config.write_text(
            f'[profiles.main]\nurl = "https://127.0.0.1:1"\ngrant = {{ file = "{key}" }}\n'
            f'services = ["{SERVICE}"]\n'
        )
        environ = measure.clean(
            HOME=home,
            PATH=f"{measure.BIN}:{os.environ['PATH']}",
            CREDHELPER_CONFIG=str(config),
            CREDHELPER_CACHE_DIR=f"{home}/cache",
            CREDHELPER_STATE_DIR=f"{home}/state",
        )
        path.parent.mkdir()
        text = kubeconfig(CLUSTERS)
        path.write_text(text)
        words = [str(measure.BIN / "credhelper"), "setup", "kubectl", "--service", SERVICE]
        spent: dict[str, list[float]] = {"setup": [], "undo": [], "bare": []}
        for _ in range(5):
            spent["bare"].append(measure.cpu(measure.BARE, environ))
            spent["setup"].append(measure.cpu(words, environ))
            spent["undo"].append(measure.cpu([*words, "--undo"], environ))
            assert path.read_text() == text
        bare = statistics.median(spent["bare"])
        for name in ("setup", "undo"):
            ours = statistics.median(spent[name])
            print(f"kubectl {name}, {CLUSTERS} clusters: {ours:.2f} s, {ours / bare:.0f} x bare")


main()
