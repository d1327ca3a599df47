from __future__ import annotations


def test_the_figures_of_a_model_on_rows_of_ones_own(emoplugin, tmp_path):
    rows = tmp_path / "rows.tsv"
    rows.write_text("turn1\tturn2\tturn3\n" + "hi\thello\thow are you\nwhy\twhy not\tgo away\n" * 5, encoding="utf-8")
    (figures,) = emoplugin("benchmark", "--json", "--input", rows).rows
    assert figures["model"] == "nelec-en"
    assert figures["dialogues"] == 10
    assert 0 < figures["median_ms"] <= figures["p95_ms"]
    assert min(figures["load_seconds"], figures["per_second"], figures["text_per_second"]) > 0
    assert "a second" in emoplugin("benchmark", "--input", rows).out


def test_one_row_is_too_few(emoplugin, tmp_path):
    rows = tmp_path / "rows.tsv"
    rows.write_text("turn1\tturn2\tturn3\nhi\thello\thow are you\n", encoding="utf-8")
    outcome = emoplugin("benchmark", "--input", rows)
    assert outcome.code == 2
    assert "two rows or more, found 1" in outcome.err
