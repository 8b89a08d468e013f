"""Fetch NiiVue from npm into ``src/braingemma3d/assets/niivue/``: ``python scripts/make_niivue_asset.py``.

The npm package brings no licence file of its own, so its text, from NiiVue's repository, stands below; those of the
packages that are bundled into it are collected from theirs.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import tempfile
from pathlib import Path

VERSION = "0.69.0"
SHA256 = "47b896b77ec4a5be3ef1949c33ad393b6f45629921f326c279000bcf51bdb4af"
TARGET = Path(__file__).parent.parent / "src" / "braingemma3d" / "assets" / "niivue"

LICENSE = """BSD 2-Clause License

Copyright (c) 2021, Niivue
All rights reserved.

Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are met:

1. Redistributions of source code must retain the above copyright notice, this
   list of conditions and the following disclaimer.

2. Redistributions in binary form must reproduce the above copyright notice,
   this list of conditions and the following disclaimer in the documentation
   and/or other materials provided with the distribution.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS"
AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE
IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE
FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL
DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR
SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER
CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY,
OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE
OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
"""

with tempfile.TemporaryDirectory() as folder:
    npm = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev", "--omit=optional"]
    subprocess.run([*npm, f"@niivue/niivue@{VERSION}"], cwd=folder, check=True)  # noqa: S603
    modules = Path(folder) / "node_modules"
    script = (modules / "@niivue" / "niivue" / "dist" / "niivue.umd.js").read_bytes()
    if hashlib.sha256(script).hexdigest() != SHA256:
        raise SystemExit(f"niivue.umd.js is not the one that was reviewed: {hashlib.sha256(script).hexdigest()}")
    notices = [f"NiiVue {VERSION}\n\n{LICENSE}"]
    for package in sorted([*modules.glob("[!@.]*/package.json"), *modules.glob("@*/*/package.json")]):
        about = json.loads(package.read_text(encoding="utf-8"))
        licences = [p for p in package.parent.iterdir() if p.name.lower().startswith("license")]
        if licences:
            title = f"{about['name']} {about['version']}, bundled into NiiVue"
            notices.append(f"{title}\n\n{licences[0].read_text(encoding='utf-8').strip()}\n")

TARGET.mkdir(parents=True, exist_ok=True)
(TARGET / "niivue.umd.js.gz").write_bytes(gzip.compress(script, mtime=0))
(TARGET / "LICENSE").write_text(("\n" + "-" * 79 + "\n\n").join(notices), encoding="utf-8")
print(f"{TARGET}: {len(script):,} bytes, {(TARGET / 'niivue.umd.js.gz').stat().st_size:,} compressed")
