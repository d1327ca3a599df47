from __future__ import annotations

import runpy
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "component_reference.py"


def test_the_reference_is_what_the_code_says() -> None:
    script = runpy.run_path(str(SCRIPT))
    hint = "Run python scripts/component_reference.py"
    assert script["PAGE"].read_text(encoding="utf-8") == script["render"](), hint
