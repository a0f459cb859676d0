"""`tandem evaluate` on a small folder in BEIR's layout, and a reranker chosen in the settings."""

import json
from pathlib import Path

import pytest

from assistant.evaluation import evaluate_retrieval
from assistant.models import Models
from assistant.settings import load_settings
from finetune.models import ModelFolder
from knowledge.errors import KnowledgeError
from tests.assistant.tiny_model import build_reranker


@pytest.fixture
def data_dir(tmp_path: Path, minilm_folder: ModelFolder) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "models").symlink_to(minilm_folder.path.parent, target_is_directory=True)
    return tmp_path / "data"


def write_lines(path: Path, rows: list[dict[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def test_each_mode_is_measured(tmp_path: Path, data_dir: Path) -> None:
    folder = tmp_path / "beir"
    texts = ["The tank holds 1.35 litres.", "The lamp ring turns amber.", "水箱容量为 1.35 升。"]
    write_lines(
        folder / "corpus.jsonl", [{"_id": str(i), "title": "", "text": t} for i, t in enumerate(texts)]
    )
    write_lines(
        folder / "queries.jsonl",
        [{"_id": "a", "text": "How much does the tank hold?"}, {"_id": "b", "text": "水箱能装多少？"}],
    )
    (folder / "qrels").mkdir()
    (folder / "qrels" / "dev.tsv").write_text(
        "query-id\tcorpus-id\tscore\na\t0\t1\nb\t2\t1\n", encoding="utf-8"
    )
    said: list[str] = []
    rows = evaluate_retrieval(
        folder, load_settings(data_dir=data_dir), split=None, mode="all", progress=said.append
    )
    assert [row["mode"] for row in rows] == ["hybrid", "dense", "lexical"]
    assert rows[0]["ndcg"] == 1.0
    assert rows[0]["queries"] == 2
    assert said


def test_a_folder_of_another_layout_is_one_line(tmp_path: Path, data_dir: Path) -> None:
    with pytest.raises(KnowledgeError) as caught:
        evaluate_retrieval(
            tmp_path, load_settings(data_dir=data_dir), split=None, mode="all", progress=lambda line: None
        )
    assert "\n" not in caught.value.text("zh")


def test_the_reranker_of_the_settings_is_loaded(tmp_path: Path, data_dir: Path) -> None:
    folder = tmp_path / "tiny-reranker"
    build_reranker(folder, tokenizer_of=data_dir / "models" / "all-minilm-l6-v2")
    models = Models(load_settings(data_dir=data_dir, models={"reranker": str(folder)}))
    scores = models.reranker().rank("tank", ["The tank holds 1.35 litres.", "amber"])
    assert len(scores) == 2
    assert all(0 <= score <= 1 for score in scores)
