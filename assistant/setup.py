"""Makes a fresh data folder ready to answer: embedded models, then the sample documents.

Each step says one line when it starts and how long it took; what is there already is skipped, so a second
run is over at once. A step that fails leaves nothing half and says how to go on.
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.locking import lock_owner
from assistant.messages import Language
from assistant.providers.config import parse_provider_model
from assistant.settings import Settings

if TYPE_CHECKING:
    from assistant.app import App

SAMPLES = Path(__file__).resolve().parent.parent / "samples" / "manual"
SAMPLE_BASES: dict[str, Language] = {"Sample manual (English)": "en", "示例手册（中文）": "zh"}

EXAMPLES: dict[Language, tuple[str, ...]] = {
    "en": ("en-047", "en-086", "en-107"),
    "zh": ("zh-041", "zh-093", "zh-109"),
}
"""One question to each of the three manuals that the embedded model answers right, with its source; a first
impression, so a test holds it to that."""

Progress = Callable[[str, int, int | None], None]


def prepare(settings: Settings, language: Language, *, progress: Callable[[str], Progress]) -> Iterator[str]:
    """Yield a line for each step.

    Args:
        progress: makes a progress callback for a model's name.

    Raises:
        ModelUnavailableError: an embedded model cannot be fetched.
        DataFolderError: another process holds the data folder.
    """
    from finetune.models import present

    def say(en: str, zh: str) -> str:
        return zh if language == "zh" else en

    names = [
        name for name in (settings.models.embedding, settings.models.chat) if not parse_provider_model(name)
    ]
    missing = [name for name in names if not present(name, models_dir=settings.models_dir)]
    done = _samples_done(settings)
    if not missing and done:
        yield say("Models and sample documents are ready.", "模型和示例文档已就绪。")
        return
    if lock_owner(settings.data_dir) is not None and not missing:
        return  # a page is up on this folder; it says so itself
    from assistant.models import fetch

    for name in missing:
        started = time.monotonic()
        yield say(f"Fetching model {name} ...", f"正在获取模型 {name} ……")
        fetch(name, settings, progress=progress(name))
        yield say(
            f"  {name} ready, {time.monotonic() - started:.0f} s",
            f"  {name} 已就绪，用时 {time.monotonic() - started:.0f} 秒",
        )
    if not done:
        yield say("Indexing the sample documents ...", "正在索引示例文档……")
        yield from _index_samples(settings, language)


def _samples_done(settings: Settings) -> bool:
    return not SAMPLES.is_dir() or (settings.data_dir / "samples.json").is_file()


def _index_samples(settings: Settings, language: Language) -> Iterator[str]:
    from assistant.app import App
    from assistant.reporting import index_line
    from knowledge.indexing import FileDone

    app = App.open(settings, purpose="tandem setup")
    try:
        existing = {base.name for base in app.bases()}
        for name, folder in SAMPLE_BASES.items():
            base = app.base(name) if name in existing else app.create_base(name)
            inputs, _ = app.gather([SAMPLES / folder])
            for event in app.index(base.id, inputs):
                if isinstance(event, FileDone):
                    yield index_line(event, language)
        # Said once: a user who deletes the samples does not get them back at the next start.
        marker = settings.data_dir / "samples.json"
        marker.write_text(json.dumps({"indexed": list(SAMPLE_BASES)}, ensure_ascii=False), encoding="utf-8")
    finally:
        app.close()


def start_samples(app: "App", language: Language) -> int | None:
    """Begin to index the sample manual of `language` in the background, for whoever came without `tandem setup`.

    Returns:
        The number of its knowledge base; None where the samples are not installed.
    """
    if not SAMPLES.is_dir():
        return None
    (name,) = (name for name, code in SAMPLE_BASES.items() if code == language)
    base = app.base_or_new(name)
    inputs, _ = app.gather([SAMPLES / language])
    app.start_indexing(base.id, inputs)
    return base.id


def example_questions(language: Language) -> list[str]:
    """The questions of the sample manual in `language` to begin with; none without samples."""
    path = SAMPLES.parent / "questions" / f"{language}.jsonl"
    if not path.is_file():
        return []
    rows = map(json.loads, filter(str.strip, path.read_text(encoding="utf-8").splitlines()))
    questions = {row["id"]: row["question"] for row in rows}
    return [questions[id_] for id_ in EXAMPLES[language]]
