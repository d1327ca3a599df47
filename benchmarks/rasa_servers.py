"""Rasa's own moodbot with and without the component, trained and served: what the Rasa benchmarks compare."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from emoplugin.rasa.project import plan_addition

MODEL = "moodbot"
PATIENCE = 300.0


@dataclass(frozen=True)
class Server:
    """A running Rasa server and the project it serves."""

    project: Path
    url: str
    pid: int

    def call(self, method: str, path: str, data: Any = None) -> Any:
        """Sends JSON and returns the JSON of the answer, or None where it is empty."""
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(self.url + path, body, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            content = answer.read()
        return json.loads(content) if content else None


def train_moodbot(project: Path, model: str | None = None, config: str | None = None) -> Path:
    """Makes the project that ``rasa init`` makes, adds the component as ``emoplugin add`` does, and trains it.

    Args:
        project: The folder to make.
        model: The component's bundle; None leaves the component out.
        config: What ``config.yml`` says instead; None leaves Rasa's default pipeline.
    """
    spec = find_spec("rasa")
    assert spec is not None
    assert spec.origin is not None
    shutil.copytree(Path(spec.origin).parent / "cli" / "initial_project", project)
    if config is not None:
        (project / "config.yml").write_text(config, encoding="utf-8")
    if model is not None:
        plan_addition(project, model=model).write()
    command = [sys.executable, "-m", "rasa", "train", "--fixed-model-name", MODEL]
    trained = subprocess.run(command, cwd=project, env=_environment(), capture_output=True, text=True, check=False)
    if trained.returncode:
        sys.exit(trained.stdout + trained.stderr)
    return project


@contextmanager
def serving(project: Path) -> Iterator[Server]:
    """A trained project behind ``rasa run --enable-api``, for as long as the context lasts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "rasa", "run", "--enable-api", "--port", str(port), "--interface", "127.0.0.1"]
    log = project / "server.log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            command, cwd=project, env=_environment(), stdin=subprocess.DEVNULL, stdout=stream, stderr=stream
        )
    server = Server(project, f"http://127.0.0.1:{port}", process.pid)
    try:
        end = time.monotonic() + PATIENCE
        while True:
            if process.poll() is not None or time.monotonic() > end:
                sys.exit(f"The server did not start.\n{log.read_text()}")
            try:
                server.call("GET", "/status")
                break
            except OSError:
                time.sleep(0.5)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=60)


def machine() -> str:
    """The processor and its cores, as a page names them."""
    info = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return f"{names[0] if names else 'CPU'}, {os.cpu_count()} cores"


def _environment() -> dict[str, str]:
    return {**os.environ, "RASA_TELEMETRY_ENABLED": "false", "TQDM_DISABLE": "1", "PYTHONWARNINGS": "ignore"}
