"""The embedding model: texts in, unit vectors out, with a name that says exactly which vectors these are.

Loads a local folder; where models come from, and which languages or prompts one has, is told by arguments.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from knowledge.bert_encoder import (
    BertEncoder,
    Precision,
    Progress,
    best_precision,
    is_bert_shaped,
    pooling_mode,
    read_json,
)
from knowledge.errors import KnowledgeError

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

logger = logging.getLogger(__name__)

ANY_LANGUAGE = frozenset({"*"})


class Embedder(Protocol):
    """What the rest of the package needs of an embedding model.

    Attributes:
        identity: names the vectors: model, weights, pooling, prompts, dimensions. Two embedders with one
            identity may share an index. Float32 and bfloat16 are one identity: they differ by rounding only,
            and a data folder may move to a machine with another processor.
        dimensions: D.
        max_tokens: of a text; the model's special tokens and the document prompt are already taken off.
        languages: codes such as "en", "zh"; {"*"} when it was trained on many or nobody said.
    """

    dimensions: int
    max_tokens: int
    languages: frozenset[str]

    @property
    def identity(self) -> str:
        """Names the vectors."""
        ...

    def embed_documents(self, texts: Sequence[str], *, progress: Progress | None = None) -> np.ndarray:
        """Return (N, D) float32 of unit length, in the order of `texts`.

        A text over `max_tokens` is cut there, and a log line says how many were. `progress(done, total)`
        counts texts.
        """
        ...

    def embed_query(self, text: str) -> np.ndarray:
        """Return (D,) float32 of unit length."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return each text's length in the model's tokens, comparable with `max_tokens`."""
        ...


def load_embedder(
    folder: Path,
    *,
    name: str | None = None,
    device: str | None = None,
    languages: frozenset[str] = ANY_LANGUAGE,
    query_prompt: str | None = None,
    document_prompt: str | None = None,
    precision: Precision | None = None,
) -> Embedder:
    """Open an embedding model.

    Args:
        folder: a Hugging Face or sentence-transformers model folder with safetensors weights.
        name: what people call the model; the folder's name by default. Part of the identity.
        device: a torch device; CUDA when there is one, else the CPU.
        query_prompt, document_prompt: put before every query or document. None takes what the model's own
            configuration says; "" is none.
        precision: "bfloat16" where the hardware has it, by default.

    Raises:
        KnowledgeError: the folder is not an embedding model that can be read safely.
    """
    import torch

    folder = Path(folder)
    if not (folder / "config.json").is_file():
        raise KnowledgeError("embedder_missing", folder=str(folder))
    if not any(folder.glob("*.safetensors")):
        raise KnowledgeError("embedder_without_safetensors", folder=str(folder))
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    precision = precision or best_precision(device)
    prompts = read_json(folder / "config_sentence_transformers.json").get("prompts") or {}
    query_prompt = str(prompts.get("query", "")) if query_prompt is None else query_prompt
    document_prompt = str(prompts.get("document", "")) if document_prompt is None else document_prompt
    build: Callable[..., Any] = BertEncoder if is_bert_shaped(folder) else _SentenceTransformerEncoder
    try:
        encoder = build(folder, device=device, precision=precision)
    except Exception as err:  # safetensors and tokenizers raise classes of their own straight below it
        logger.warning("embedding model %s: %s", folder, err)
        raise KnowledgeError("embedder_broken", folder=str(folder), reason=type(err).__name__) from err
    return _FolderEmbedder(
        encoder,
        name=name or folder.resolve().name,
        weights=weights_digest(folder),
        pooling=pooling_mode(folder),
        languages=languages,
        query_prompt=query_prompt,
        document_prompt=document_prompt,
    )


class _FolderEmbedder:
    """Prompts, identity and reporting around either encoder."""

    def __init__(
        self,
        encoder: Any,
        *,
        name: str,
        weights: str,
        pooling: str,
        languages: frozenset[str],
        query_prompt: str,
        document_prompt: str,
    ) -> None:
        self._encoder = encoder
        self._query_prompt = query_prompt
        self._document_prompt = document_prompt
        self.languages = languages
        self.dimensions = int(encoder.dimensions)
        self.max_tokens = int(encoder.max_tokens)
        if document_prompt:
            self.max_tokens -= encoder.count_tokens([document_prompt])[0]
        prompts = hashlib.sha256(json.dumps([query_prompt, document_prompt]).encode()).hexdigest()[:8]
        self.identity = f"{name}:{weights[:16]}:{pooling}:{prompts}:{self.dimensions}"

    def embed_documents(self, texts: Sequence[str], *, progress: Progress | None = None) -> np.ndarray:
        prompted = [self._document_prompt + text for text in texts] if self._document_prompt else texts
        vectors, cut = self._encoder.embed(prompted, progress=progress)
        if cut:
            logger.warning(
                "%d of %d texts are longer than the embedder's %d tokens and were cut; the first is number %d",
                len(cut),
                len(texts),
                self.max_tokens,
                cut[0],
            )
        return np.asarray(vectors)

    def embed_query(self, text: str) -> np.ndarray:
        vectors, _ = self._encoder.embed([self._query_prompt + text])
        return np.asarray(vectors[0])

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return list(self._encoder.count_tokens(texts))


class _SentenceTransformerEncoder:
    """Any model that sentence-transformers can open: other architectures, other pooling, extra layers."""

    def __init__(self, folder: Path, *, device: str, precision: Precision) -> None:
        from sentence_transformers import SentenceTransformer

        self._model = SentenceTransformer(
            str(folder),
            device=device,
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"dtype": precision, "use_safetensors": True},
        )
        self._tokenizer = self._model.tokenizer
        self.dimensions = int(self._model.get_embedding_dimension() or 0)
        special = len(self._tokenizer("")["input_ids"])
        self.max_tokens = int(self._model.max_seq_length or 512) - special

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        if not texts:
            return []
        encoded = self._tokenizer(list(texts), add_special_tokens=False, truncation=False, verbose=False)
        return [len(ids) for ids in encoded["input_ids"]]

    def embed(
        self, texts: Sequence[str], *, progress: Progress | None = None
    ) -> tuple[np.ndarray, list[int]]:
        from torch.nn import functional

        lengths = self.count_tokens(texts)
        cut = [i for i, length in enumerate(lengths) if length > self.max_tokens]
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda i: -lengths[i])
        slab = 256  # texts between two calls of `progress`
        for first in range(0, len(order), slab):
            part = order[first : first + slab]
            found = self._model.encode(
                [texts[i] for i in part],
                # prompts were put on by the caller, whatever default the model's configuration names
                prompt="",
                batch_size=max(1, 8192 // max(1, lengths[part[0]])),
                convert_to_numpy=False,
                convert_to_tensor=True,
                show_progress_bar=False,
            )
            # Unit length again: in bfloat16 the model's own normalisation is off by two parts in a thousand.
            vectors[part] = functional.normalize(found.float(), dim=1).cpu().numpy()
            if progress is not None:
                progress(first + len(part), len(order))
        return vectors, cut


def weights_digest(folder: Path) -> str:
    """Return the SHA-256 over the folder's safetensors files: of the one file, or of the digests in order."""
    digests = []
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def as_langchain(embedder: Embedder) -> "Embeddings":
    """Return `embedder` as LangChain's `Embeddings`, for chains and vector stores of your own."""
    from langchain_core.embeddings import Embeddings

    class _Embeddings(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [vector.tolist() for vector in embedder.embed_documents(texts)]

        def embed_query(self, text: str) -> list[float]:
            return [float(x) for x in embedder.embed_query(text)]

    return _Embeddings()
