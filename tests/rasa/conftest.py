"""The demo assistant, trained once and served by a real Rasa server."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[2] / "rasa_project"
PATIENCE = 180.0


def rasa(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a Rasa command in a project to its end."""
    return subprocess.run(
        [sys.executable, "-m", "rasa", *arguments],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def environment() -> dict[str, str]:
    return {**os.environ, "RASA_TELEMETRY_ENABLED": "false", "TQDM_DISABLE": "1", "PYTHONWARNINGS": "ignore"}


@dataclass
class Server:
    """A running Rasa server."""

    url: str
    log: Path

    def call(self, path: str, data: Any = None) -> Any:
        """GETs, or POSTs the data as JSON, and returns the JSON of the answer."""
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(self.url + path, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def say(self, sender: str, text: str) -> str:
        """Sends a user's message over the REST channel and returns what the bot answers."""
        answers = self.call("/webhooks/rest/webhook", {"sender": sender, "message": text})
        return " ".join(answer["text"] for answer in answers)

    def heard(self, sender: str) -> list[dict[str, Any]]:
        """What the component attached to each of the sender's messages, oldest first; None where nothing."""
        events = self.call(f"/conversations/{sender}/tracker?include_events=ALL")["events"]
        return [event["parse_data"].get("emotion") for event in events if event["event"] == "user"]


@pytest.fixture(scope="session")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained copy of the demo assistant."""
    project = tmp_path_factory.mktemp("assistant") / "project"
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("models", "results", ".rasa"))
    trained = rasa(project, "train", "--fixed-model-name", "demo")
    assert trained.returncode == 0, trained.stdout + trained.stderr
    return project


@pytest.fixture(scope="session")
def server(assistant: Path) -> Iterator[Server]:
    """The demo assistant behind ``rasa run --enable-api``."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = assistant / "server.log"
    command = [sys.executable, "-m", "rasa", "run", "--enable-api", "--port", str(port), "--interface", "127.0.0.1"]
    with log.open("w") as stream:
        process = subprocess.Popen(
            command, cwd=assistant, env=environment(), stdin=subprocess.DEVNULL, stdout=stream, stderr=stream
        )
    running = Server(f"http://127.0.0.1:{port}", log)
    try:
        _wait_for(running, process)
        yield running
    finally:
        process.terminate()
        process.wait(timeout=60)


def _wait_for(server: Server, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert process.poll() is None, server.log.read_text()
        try:
            server.call("/status")
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
        else:
            return
    pytest.fail(f"The server did not start.\n{server.log.read_text()}")
