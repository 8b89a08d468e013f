"""Time and memory of the command on scans, from process start to files, with a warm file cache.

``python benchmarks/report_time.py [SCAN ...]``; without a scan, the bundled one. The second of two runs is shown.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from importlib.resources import files
from pathlib import Path

braingemma3d = str(Path(sys.executable).parent / "braingemma3d")
scans = sys.argv[1:] or [str(files("braingemma3d") / "assets" / "simulated_flair.nii.gz")]


def measure(command: list[str]) -> tuple[float, float]:
    """Seconds and peak gigabytes of one process, the second time it runs."""
    seconds = peak = 0.0
    for _ in range(2):
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"{command} failed")
        seconds, peak = time.perf_counter() - start, usage.ru_maxrss / 1e6
    return seconds, peak


print("| command | seconds | peak GB |\n|---|---:|---:|")
with tempfile.TemporaryDirectory() as out:
    commands = {"braingemma3d --help": [braingemma3d, "--help"]} | {
        f"braingemma3d report {Path(s).name}": [braingemma3d, "report", s, "-o", out] for s in scans
    }
    for name, command in commands.items():
        seconds, peak = measure(command)
        print(f"| {name} | {seconds:.2f} | {peak:.2f} |")

# Imported last: a process started from one with torch in memory would be charged for it.
load_model = import_module("braingemma3d.model.loading").load_model
start = time.perf_counter()
load_model("mini")
print(f"| loading `mini`, imports aside | {time.perf_counter() - start:.2f} | |")
