from __future__ import annotations

import resource
import subprocess
import sys

import pytest
from emoplugin.cli.main import COMMANDS

HEAVY = ("rasa", "tensorflow", "torch", "transformers", "onnxruntime", "numpy", "matplotlib", "sklearn")


def test_help_lists_every_command(emoplugin):
    outcome = emoplugin("--help")
    assert outcome.code == 0
    assert all(f"\n  {name} " in outcome.out for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(emoplugin, command):
    outcome = emoplugin(command, "--help")
    assert outcome.code == 0
    assert f"Usage: emoplugin {command}" in outcome.out


def test_help_is_quick(emoplugin):
    def processor_seconds():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    start = processor_seconds()
    emoplugin("--help")
    assert processor_seconds() - start < 1


def test_nothing_heavy_is_imported_before_a_command_runs():
    code = f"import emoplugin.cli.main, sys; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("arguments", [["nothing"], ["predict", "--nothing"], ["predict", "--output"], []])
def test_bad_arguments_exit_with_2(emoplugin, arguments):
    assert emoplugin(*arguments).code == 2


def test_an_error_of_the_system_names_its_file(emoplugin, tmp_path):
    (tmp_path / "runs").write_text("")
    outcome = emoplugin("train", "nelec-en-small", "--output", tmp_path / "runs")
    assert outcome.code == 1
    assert outcome.err == f"emoplugin: {tmp_path / 'runs'}: File exists\n"
