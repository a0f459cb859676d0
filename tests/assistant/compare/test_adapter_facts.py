import json
from pathlib import Path

from assistant.compare.adapter_facts import data_seconds


def test_the_time_that_building_the_data_took_is_read_from_the_build(tmp_path: Path) -> None:
    rows = tmp_path / "build" / "alpaca" / "train.jsonl"
    rows.parent.mkdir(parents=True)
    rows.write_text("{}\n", encoding="utf-8")
    assert data_seconds({"data": str(rows)}) is None  # not built here
    about = tmp_path / "build" / "build.json"
    about.write_text(json.dumps({"report": {"seconds": 12.5}}) + "\n", encoding="utf-8")
    assert data_seconds({"data": str(rows)}) == data_seconds({"data": str(about.parent)}) == 12.5
    about.write_text("[]", encoding="utf-8")
    assert data_seconds({"data": str(rows)}) is None
    assert data_seconds({"data": str(tmp_path / "gone")}) is data_seconds({}) is None
