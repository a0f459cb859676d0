"""The embedding models: the same vectors as sentence-transformers, whatever the batch, and honest limits."""

import json
import logging
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from knowledge import bert_encoder
from knowledge.bert_encoder import is_bert_shaped
from knowledge.embeddings import Embedder, as_langchain, load_embedder
from knowledge.errors import KnowledgeError

if TYPE_CHECKING:
    from finetune.folders import ModelFolder

TEXTS = [
    "The pump stops when the tank is empty.",
    "What makes the pump stop?",
    "x",
    "",
    "Naïve café, São Paulo, 12 345 €",
    "中文也要能够分词，即使模型没有学过。",
    "Long text. " * 400,
    "A table | of | cells\nand a second line",
]


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(axis=1)


@pytest.fixture(scope="module")
def variant(minilm_folder: "ModelFolder", tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Copies of MiniLM whose JSON files were changed."""

    def make(**changes: dict[str, object]) -> Path:
        folder = tmp_path_factory.mktemp("variant") / "model"
        shutil.copytree(minilm_folder.path, folder)
        for name, values in changes.items():
            path = folder / {"config": "config.json", "pooling": "1_Pooling/config.json"}[name]
            path.write_text(json.dumps({**json.loads(path.read_text()), **values}))
        return folder

    return make


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_vectors_are_those_of_sentence_transformers(pooling: str, variant: Callable[..., Path]) -> None:
    from sentence_transformers import SentenceTransformer

    chosen = {"pooling_mode_mean_tokens": pooling == "mean", "pooling_mode_cls_token": pooling == "cls"}
    folder = variant(pooling=chosen)
    assert is_bert_shaped(folder)
    theirs = SentenceTransformer(str(folder), device="cpu").encode(TEXTS, normalize_embeddings=True)
    ours = load_embedder(folder, precision="float32", device="cpu").embed_documents(TEXTS)
    assert cosines(ours, theirs).min() > 0.99999
    assert cosines(load_embedder(folder, device="cpu").embed_documents(TEXTS), theirs).min() > 0.9995


def test_bfloat16_ranks_like_float32(minilm_folder: "ModelFolder") -> None:
    rounded = load_embedder(minilm_folder.path, precision="bfloat16", device="cpu").embed_documents(TEXTS)
    exact = load_embedder(minilm_folder.path, precision="float32", device="cpu").embed_documents(TEXTS)
    assert cosines(rounded, exact).min() > 0.9995
    assert np.abs(rounded @ rounded.T - exact @ exact.T).max() < 0.01


def test_shape_type_length_and_order(embedder: Embedder) -> None:
    vectors = embedder.embed_documents(TEXTS)
    assert vectors.shape == (len(TEXTS), embedder.dimensions) == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)
    alone = np.stack([embedder.embed_documents([text])[0] for text in TEXTS])
    assert cosines(vectors, alone).min() > 0.9995  # neither order nor neighbours matter
    assert int(np.argmax(vectors[[0, 4, 5]] @ embedder.embed_query(TEXTS[1]))) == 0
    assert embedder.embed_documents([]).shape == (0, 384)


def test_a_text_over_the_limit_is_cut_and_said(embedder: Embedder, caplog: pytest.LogCaptureFixture) -> None:
    assert embedder.max_tokens == 254
    fits, over = "word " * 254, "word " * 255
    assert embedder.count_tokens([fits, over, ""]) == [254, 255, 0]
    with caplog.at_level(logging.WARNING):
        whole = embedder.embed_documents([fits])
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        cut = embedder.embed_documents(["short", over])
    assert "1 of 2 texts" in caplog.text
    assert cosines(cut[1:], whole)[0] > 0.9995


def test_identity_names_the_vectors_and_nothing_else(minilm_folder: "ModelFolder") -> None:
    folder = minilm_folder.path
    plain = load_embedder(folder, name="m")
    assert plain.identity == load_embedder(folder, name="m", precision="float32").identity
    assert minilm_folder.weights_sha256[:16] in plain.identity
    others = {
        load_embedder(folder, name="n").identity,
        load_embedder(folder, name="m", query_prompt="q: ").identity,
        load_embedder(folder, name="m", document_prompt="q: ").identity,
    }
    assert len(others | {plain.identity}) == 4


def test_prompts_go_before_the_text(minilm_folder: "ModelFolder", embedder: Embedder) -> None:
    prompted = load_embedder(minilm_folder.path, query_prompt="query: ", document_prompt="passage: ")
    expected = embedder.embed_documents(["query: a pump", "passage: a pump"])
    found = np.stack([prompted.embed_query("a pump"), prompted.embed_documents(["a pump"])[0]])
    assert cosines(found, expected).min() > 0.9995
    assert prompted.max_tokens == embedder.max_tokens - 2  # "passage", ":"


def test_other_shapes_go_through_sentence_transformers(
    variant: Callable[..., Path], embedder: Embedder
) -> None:
    folder = variant(config={"hidden_act": "gelu_new"})
    assert not is_bert_shaped(folder)
    other = load_embedder(folder, device="cpu", query_prompt="query: ")
    assert (other.dimensions, other.max_tokens) == (384, 254)
    assert other.count_tokens(TEXTS) == embedder.count_tokens(TEXTS)
    seen: list[tuple[int, int]] = []
    vectors = other.embed_documents(TEXTS, progress=lambda *report: seen.append(report))
    assert cosines(vectors, embedder.embed_documents(TEXTS)).min() > 0.998  # the two activations are close
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)
    assert cosines(other.embed_query("a")[None], other.embed_documents(["query: a"]))[0] > 0.999
    assert seen[-1] == (len(TEXTS), len(TEXTS))


def test_progress_reaches_the_end(embedder: Embedder) -> None:
    seen: list[tuple[int, int]] = []
    embedder.embed_documents(["text " * 200] * 30, progress=lambda *report: seen.append(report))
    assert len(seen) > 1
    assert seen == sorted(seen)
    assert seen[-1] == (30, 30)


def test_threads_do_not_disturb_each_other(embedder: Embedder) -> None:
    texts = [text[:60] for text in TEXTS]
    expected = embedder.embed_documents(texts)
    found: list[np.ndarray] = []

    def work() -> None:
        for _ in range(3):
            found.append(embedder.embed_documents(texts))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 9
    assert all(np.array_equal(vectors, expected) for vectors in found)


def test_langchain_gets_lists_of_floats(embedder: Embedder) -> None:
    embeddings = as_langchain(embedder)
    assert embeddings.embed_documents(["a", "b"])[1] == pytest.approx(
        embedder.embed_documents(["a", "b"])[1].tolist()
    )
    assert isinstance(embeddings.embed_query("a")[0], float)


def damage_nothing(folder: Path) -> None:
    shutil.rmtree(folder)


def damage_to_pickle(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def damage_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100_000])


def damage_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (damage_nothing, "embedder_missing"),
        (damage_to_pickle, "embedder_without_safetensors"),
        (damage_weights, "embedder_broken"),
        (damage_tokenizer, "embedder_broken"),
    ],
)
def test_what_cannot_be_loaded_is_said_in_one_line(
    damage: Callable[[Path], None], code: str, variant: Callable[..., Path]
) -> None:
    folder = variant()
    damage(folder)
    with pytest.raises(KnowledgeError) as caught:
        load_embedder(folder)
    assert caught.value.code == code
    for language in ("en", "zh"):
        assert str(folder) in caught.value.text(language)
        assert "\n" not in caught.value.text(language)


def test_batches_of_any_texts_come_in_few_shapes() -> None:
    draw = np.random.default_rng(3)
    shapes, padded, tokens = set(), 0, 0
    for _ in range(300):
        lengths = np.clip(draw.lognormal(4.8, 0.7, 256), 4, 256).astype(int).tolist()
        for batch in bert_encoder._batches(lengths):
            here = [lengths[i] for i in batch]
            count, width = bert_encoder._shape(len(here), max(here), most=512)
            assert count >= len(here)
            assert width >= max(here)
            assert count * width <= bert_encoder.BATCH_TOKENS
            shapes.add((count, width))
            padded, tokens = padded + count * width, tokens + sum(here)
    assert len(shapes) < 64
    assert padded < 1.25 * tokens
    assert bert_encoder._shape(1, 509, most=512) == (1, 512)
    assert bert_encoder._shape(1, 505, most=506) == (1, 506)
