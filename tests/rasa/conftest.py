"""The demo assistant, trained once and served by a real Rasa server."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import PATIENCE, PROJECT, Server, environment, rasa


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
