"""``braingemma3d doctor``."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from braingemma3d.cli.main import app


def test_doctor_tells_what_is_here_and_what_is_not():
    state = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)
    assert state["libraries"]["torch"] != "not installed"
    assert {"braingemma3d", "captum", "nltk", "bert-score", "bitsandbytes"} <= state["libraries"].keys()
    assert "pytest" not in state["libraries"]
    assert "licence" in state["models"]["medgemma: google/medgemma-1.5-4b-it"]
    assert state["machine"]["cache"]


def test_doctor_prints_tables():
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 0
    assert "Gemma 3 270M" in result.stdout
