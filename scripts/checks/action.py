#!/usr/bin/env python3
"""Runs the steps of the GitHub Action (action.yml) as a runner would, up to what only GitHub can do.

    scripts/checks/action.py WHEEL

The wheel stands in for the package index. Two photographs leak, so that the check must fail and name the grade. Needs PyYAML.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]


def main() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        output = place / "output"
        environment = {
            **os.environ, "RUNNER_TEMP": folder, "GITHUB_OUTPUT": str(output),
            "WHEEL": os.path.abspath(sys.argv[1]), "VERSION": "",
            "ARGUMENTS": "chelsea coffee --defences none", "FAIL_ABOVE": action["inputs"]["fail-above"]["default"],
            "BUDGET": "60",
        }
        status = {}
        for step in action["runs"]["steps"]:
            if "run" in step:
                status[step["name"]] = subprocess.run(
                    ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                    env=environment, cwd=folder,
                ).returncode
        outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
        assert status == {"Install gradleak": 0, "Audit": 1}, status
        assert outputs["grade"] == "F", outputs
        assert '<testsuites name="gradleak"' in pathlib.Path(outputs["junit"]).read_text()
        results = json.loads(pathlib.Path(outputs["sarif"]).read_text())["runs"][0]["results"]
        assert results[0]["ruleId"] == "data-in-full", results
        assert (pathlib.Path(outputs["folder"]) / "report.html").is_file()
    print("action: installed, audited, failed the check, named grade F")


if __name__ == "__main__":
    main()
