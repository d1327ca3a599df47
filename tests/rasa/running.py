"""Rasa run as its users run it: as a command, a server and a chat on a terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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

    def slots(self, sender: str) -> dict[str, Any]:
        """The slots of the sender's conversation."""
        slots: dict[str, Any] = self.call(f"/conversations/{sender}/tracker")["slots"]
        return slots


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, command: list[str]) -> None:
        self.shown = ""
        self._read_to = 0
        self._master, side = pty.openpty()
        size = {"COLUMNS": "200", "LINES": "50", "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
        self._process = subprocess.Popen(
            command, stdin=side, stdout=side, stderr=side, env={**os.environ, **size}, start_new_session=True
        )
        os.close(side)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    def type(self, line: str) -> None:
        os.write(self._master, f"{line}\r".encode())

    def wait_for(self, text: str) -> None:
        """Reads on until a text is shown that was not waited for before."""
        end = time.monotonic() + PATIENCE
        while text not in self.shown[self._read_to :]:
            assert time.monotonic() < end, self.shown
            self._read()
        self._read_to = self.shown.index(text, self._read_to) + len(text)

    def wait(self) -> int:
        while self._process.poll() is None:
            self._read()
        return self._process.returncode

    def _read(self) -> None:
        if select.select([self._master], [], [], 0.5)[0]:
            try:
                self.shown += os.read(self._master, 65536).decode(errors="replace")
            except OSError:  # Linux says so when the command has closed its side.
                self._process.wait(timeout=PATIENCE)
