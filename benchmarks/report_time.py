"""Time and memory of ``braingemma3d report``, from process start to files, with a warm file cache.

``python benchmarks/report_time.py [SCAN]``; without a scan, the bundled one. The second of two runs is shown.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from importlib.resources import files
from pathlib import Path

scan = sys.argv[1] if len(sys.argv) > 1 else str(files("braingemma3d") / "assets" / "simulated_flair.nii.gz")
braingemma3d = str(Path(sys.executable).parent / "braingemma3d")
seconds = {}
with tempfile.TemporaryDirectory() as out:
    for name, arguments in {
        "braingemma3d --help": ["--help"],
        f"braingemma3d report {Path(scan).name}": ["report", scan, "-o", out],
    }.items():
        for _ in range(2):
            start = time.perf_counter()
            subprocess.run([braingemma3d, *arguments], check=True, capture_output=True)
            seconds[name] = time.perf_counter() - start
for name, value in seconds.items():
    print(f"{name}: {value:.2f} s")
print(f"peak memory: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6:.2f} GB")
