"""``emoplugin chat``: talk to a Rasa assistant in the terminal."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from emoplugin.errors import EmopluginError, InputError

INPUTS = ("config.yml", "domain.yml", "domain", "data")
"""What of a Rasa project goes into its model."""

LOG = "chat-training.log"

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")

# Rasa and its dependencies warn about one another through every channel there is; each has its own switch.
_QUIET = {
    "LOG_LEVEL": "ERROR",
    "LOG_LEVEL_LIBRARIES": "ERROR",
    "RASA_TELEMETRY_ENABLED": "false",
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
_RASA = "import sys, warnings; warnings.showwarning = lambda *_, **__: None; from rasa.__main__ import main; main()"


def chat(
    project: Annotated[Path, typer.Argument(help="Folder of the Rasa project.", show_default=True)] = Path(),
) -> None:
    """Train a Rasa project where its inputs changed, and talk to it in `rasa shell`."""
    from emoplugin.cli.console import message

    if not (project / "config.yml").is_file():
        raise InputError(f"{project} is not a Rasa project: it has no config.yml.")
    model = Path("models") / f"chat-{fingerprint(project)}.tar.gz"
    if not (project / model).is_file():
        _train(project, model)
    message("Waking the assistant up ...")
    port = str(_free_port())
    shell = _rasa("shell", "--model", str(model), "--port", port, "--interface", "127.0.0.1")
    os.chdir(project)
    # The shell takes this process's place, so that the terminal and its Ctrl-C are its own.
    os.execve(shell[0], shell, {**os.environ, **_QUIET})  # noqa: S606


def fingerprint(project: Path) -> str:
    """Names what the project's model is trained from: its files, the bundles it uses and this emoplugin."""
    import emoplugin
    from emoplugin.models.bundle import find, open_bundle, shipped

    digest = hashlib.sha256(emoplugin.__version__.encode())
    for path in (path for name in INPUTS for path in _files(project / name)):
        digest.update(f"\0{path.relative_to(project).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    for model in _models(project / "config.yml"):
        digest.update(open_bundle(find(model if model in shipped() else project / model)).digest.encode())
    return digest.hexdigest()[:16]


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())


def _models(config: Path) -> Iterator[str]:
    """The models that the emotion components of a Rasa configuration name."""
    import yaml

    try:
        content = yaml.safe_load(config.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"{config} is no YAML: {error}.") from None
    if not isinstance(content, dict):
        raise InputError(f"{config} is not the configuration of a Rasa project: it has no keys.")
    for component in content.get("pipeline") or []:
        if isinstance(component, dict) and str(component.get("name", "")).startswith("emoplugin."):
            yield str(component.get("model", "nelec-en"))


def _train(project: Path, model: Path) -> None:
    from rich.console import Console

    folder = project / model.parent
    folder.mkdir(exist_ok=True)
    for old in folder.glob("chat-*.tar.gz"):
        old.unlink()
    command = _rasa("train", "--out", str(model.parent), "--fixed-model-name", model.name.removesuffix(".tar.gz"))
    with Console(stderr=True).status("Training the assistant, which takes a minute the first time ..."):
        done = subprocess.run(
            command,
            cwd=project,
            env={**os.environ, **_QUIET, "TQDM_DISABLE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode == 0 and (project / model).is_file():
        return
    (folder / LOG).write_bytes(done.stdout)
    lines = _COLOUR.sub("", done.stdout.decode(errors="replace")).strip().splitlines()
    raise EmopluginError(
        f"Rasa could not train {project}: {lines[-1] if lines else ''}\n(the whole log: {folder / LOG})"
    )


def _rasa(*arguments: str) -> list[str]:
    return [sys.executable, "-c", _RASA, *arguments]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
