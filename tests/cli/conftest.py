from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        assert self.code == 0, self.err
        lines = self.out.split("\n")
        assert lines.pop() == ""
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="session")
def script():
    """The console script that the package installs."""
    return Path(sys.executable).with_name("emoplugin")


@pytest.fixture(scope="session")
def emoplugin(script):
    """Runs the console script as a user would. Whatever it is given, it never prints a traceback."""

    def run(*arguments: str | bytes | Path, stdin: bytes = b"", **options: Any) -> Outcome:
        done = subprocess.run(
            [script, *arguments], input=stdin, capture_output=True, timeout=120, check=False, **options
        )
        outcome = Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in outcome.err, outcome.err
        if outcome.code:
            assert outcome.err
        return outcome

    return run
