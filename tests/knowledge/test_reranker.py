"""A cross-encoder from a folder; here one of two random layers, made in the test."""

from pathlib import Path

import pytest

from knowledge.base import Knowledge
from knowledge.errors import KnowledgeError
from knowledge.reranker import CrossEncoderReranker
from tests.knowledge.conftest import inputs_of, run


def make_cross_encoder(folder: Path, *, labels: int = 1) -> Path:
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder.mkdir()
    words = "[PAD] [UNK] [CLS] [SEP] [MASK] ferry bakery the leaves sells bread pier rye".split()
    (folder / "vocab.txt").write_text("\n".join(words))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, num_labels=labels, max_position_embeddings=64, initializer_range=1.0,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=64).save_pretrained(folder)
    return folder


def test_reranks_within_0_to_1(tmp_path: Path, knowledge: Knowledge, notes: Path) -> None:
    reranker = CrossEncoderReranker(make_cross_encoder(tmp_path / "model"), device="cpu")
    texts = ["the ferry leaves", "the bakery sells bread", "rye " * 200]
    scores = reranker.rank("ferry pier", texts)
    assert len(scores) == 3
    assert all(0 <= value <= 1 for value in scores)
    assert len(set(scores)) == 3
    assert reranker.rank("ferry pier", texts[1:]) == pytest.approx(scores[1:], abs=1e-5)
    assert reranker.rank("ferry", []) == []
    base = knowledge.create_base("notes")
    run(knowledge.index(base.id, inputs_of(notes)))
    found = knowledge.search("ferry bakery pier", base_ids=[base.id], reranker=reranker, top_k=3).passages
    expected = reranker.rank("ferry bakery pier", [passage.text for passage in found])
    assert [passage.rerank_score for passage in found] == pytest.approx(expected, abs=1e-5)
    assert [passage.score for passage in found] == sorted((p.score for p in found), reverse=True)


def test_what_is_no_reranker_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="not a reranker"):
        CrossEncoderReranker(make_cross_encoder(tmp_path / "two", labels=2), device="cpu")
    (tmp_path / "empty").mkdir()
    with pytest.raises(KnowledgeError, match="safetensors"):
        CrossEncoderReranker(tmp_path / "empty")
