"""Datasets kept for training: uploads, folders, recipes and rows built from documents, each in a folder of its own.

    datasets/<id>/about.json    name, recipe, questions, where the rows are
    datasets/<id>/files/        the rows, unless they lie in a folder of the user's

Knows nothing of models; what is in the rows is `finetune.formats`' business.
"""

import re
import shutil
import time
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, cast

from assistant.errors import AssistantError
from finetune.errors import DatasetError
from finetune.starting_points import STARTING_POINTS, RecipeName

if TYPE_CHECKING:
    from finetune.examples import Example
    from finetune.facts.build import Build

ABOUT = "about.json"
FILES = "files"
REGISTRY = "dataset_info.json"
_UNFIT = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True)
class KeptDataset:
    """A dataset that can be trained on.

    Args:
        id: the folder's name.
        path: file or folder, as `finetune.formats.reading.read_dataset` takes it.
        dataset: the entry of its dataset_info.json.
        recipe: what it was begun as; gives settings.
        questions: to ask before and after.
        created_at: seconds since 1970.
    """

    id: str
    name: str
    path: Path
    dataset: str | None = None
    recipe: RecipeName = "own"
    questions: tuple[str, ...] = ()
    created_at: float = 0.0
    settings: dict[str, Any] = field(default_factory=dict)


class Datasets:
    """The datasets under one folder.

    Args:
        folder: made when something is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def all(self) -> list[KeptDataset]:
        """All of them, newest first."""
        if not self.folder.is_dir():
            return []
        found = (self._read(path) for path in self.folder.iterdir())
        return sorted((kept for kept in found if kept is not None), key=lambda kept: -kept.created_at)

    def get(self, id: str) -> KeptDataset:
        """One of them.

        Raises:
            AssistantError: there is none of this id.
        """
        kept = (
            self._read(self.folder / id) if _UNFIT.search(id) is None and id not in ("", ".", "..") else None
        )
        if kept is None:
            raise AssistantError("dataset_unknown", id=id)
        return kept

    def delete(self, id: str) -> None:
        """Remove a dataset and its files; files of a folder of the user's stay."""
        shutil.rmtree(self.folder / self.get(id).id, ignore_errors=True)

    def self_cognition(self, name: str, maker: str, *, languages: str = "both") -> KeptDataset:
        """Make the rows of the recipe that teaches a name and a maker.

        Raises:
            AssistantError: one of them is empty.
        """
        from finetune.self_cognition import self_cognition

        if not name.strip() or not maker.strip():
            raise AssistantError("self_cognition_empty")
        rows = self_cognition(name, maker, languages=languages)  # type: ignore[arg-type]
        return self.add_examples(rows, name=name.strip(), recipe="self_cognition")

    def sample_voice(self, language: str) -> KeptDataset:
        """Make the rows of the voice that comes with Tandem, in "en" or "zh"."""
        from finetune.sample_voice import NAMES, sample_voice

        name = NAMES["zh" if language == "zh" else "en"]
        return self.add_examples(sample_voice(language), name=name, recipe="voice")

    def add_examples(
        self,
        examples: "Iterable[Example]",
        *,
        name: str,
        recipe: RecipeName = "own",
        questions: Sequence[str] = (),
    ) -> KeptDataset:
        """Keep examples that were made here; they are written as OpenAI messages, which hold everything."""
        from finetune.formats.writing import write_dataset

        folder = self._new(name)
        write_dataset(examples, folder / FILES, name="rows", formatting="openai")
        return self._keep(folder, name, folder / FILES, recipe, questions=questions)

    def add_build(self, build: "Build") -> KeptDataset:
        """Keep the selected rows of a build; wordings that were held out measure the run.

        Raises:
            DatasetError: no row is selected.
        """
        name = build.folder.name
        folder = self._new(name)
        try:
            files = build.export("sharegpt", folder=folder / FILES).files
        except DatasetError:
            shutil.rmtree(folder)
            raise
        held = [row.question for row in build.rows if row.selected and row.split == "held_wording"]
        spread = held[:: max(1, len(held) // 4)][:4]
        general = STARTING_POINTS["own"].questions[1:2]
        kept = self._keep(folder, name, folder / FILES, "facts", questions=[*spread, *general])
        settings = {**kept.settings, **({"eval_data": "held_wordings"} if "held_wordings" in files else {})}
        return self._change(kept.id, settings=settings, dataset="train")

    def add_files(
        self, files: Sequence[tuple[str, bytes]], *, recipe: RecipeName = "own", questions: Sequence[str] = ()
    ) -> KeptDataset:
        """Keep uploaded files: one dataset file, or several with their dataset_info.json.

        Raises:
            AssistantError: there is none.
        """
        if not files:
            raise AssistantError("dataset_empty")
        main = next((name for name, _ in files if PurePath(name).name != REGISTRY), files[0][0])
        folder = self._new(PurePath(main).stem)
        (folder / FILES).mkdir()
        for name, data in files:
            (folder / FILES / _file_name(name)).write_bytes(data)
        path = folder / FILES / _file_name(main) if len(files) == 1 else folder / FILES
        return self._keep(folder, PurePath(main).stem, path, recipe, questions=questions)

    def add_folder(
        self, path: Path, *, recipe: RecipeName = "own", questions: Sequence[str] = ()
    ) -> KeptDataset:
        """Remember a file or folder of the user's; nothing is copied.

        Raises:
            AssistantError: it is not there.
        """
        place = path.expanduser().resolve()
        if not place.exists():
            raise AssistantError("dataset_path_missing", path=str(path))
        return self._keep(self._new(place.stem), place.stem, place, recipe, questions=questions)

    def filled(
        self, kept: KeptDataset, examples: "Iterable[Example]", values: Mapping[str, str]
    ) -> KeptDataset:
        """Keep a copy with its placeholders filled.

        Args:
            values: text by placeholder name.
        """
        from finetune.placeholders import fill_placeholders

        rows = fill_placeholders(examples, values)
        return self.add_examples(rows, name=kept.name, recipe=kept.recipe, questions=kept.questions)

    def keep_test(self, name: str, data: bytes) -> Path:
        """Keep the questions of a test set beside the datasets; return the file."""
        folder = self.folder / ".tests"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / _file_name(name)
        path.write_bytes(data)
        return path

    def choose_entry(self, id: str, entry: str | None) -> KeptDataset:
        """Say which entry of its dataset_info.json is meant."""
        return self._change(id, dataset=entry)

    def entries(self, kept: KeptDataset) -> list[str]:
        """Names in its dataset_info.json whose files are there; empty where there is no such file.

        Raises:
            DatasetError: the dataset_info.json is broken.
        """
        from finetune.formats.dataset_info import local_names

        return local_names(kept.path) if (kept.path / REGISTRY).is_file() else []

    def _change(self, id: str, **changes: Any) -> KeptDataset:
        from finetune.run_folder import read_json, write_json

        folder = self.folder / self.get(id).id
        write_json(folder / ABOUT, {**read_json(folder / ABOUT), **changes})
        return self.get(id)

    def _new(self, name: str) -> Path:
        label = _UNFIT.sub("-", unicodedata.normalize("NFC", name)).strip("-.")[:40] or "rows"
        stamp, number = time.strftime("%Y%m%d-%H%M%S"), 1
        while True:
            folder = self.folder / (f"{stamp}-{label}" if number == 1 else f"{stamp}-{number}-{label}")
            try:
                folder.mkdir(parents=True)
                return folder
            except FileExistsError:
                number += 1

    def _keep(
        self, folder: Path, name: str, path: Path, recipe: RecipeName, *, questions: Sequence[str]
    ) -> KeptDataset:
        from finetune.run_folder import write_json

        kept = KeptDataset(
            id=folder.name,
            name=name,
            path=path,
            recipe=recipe,
            questions=tuple(questions) or STARTING_POINTS[recipe].questions,
            created_at=time.time(),
            settings=dict(STARTING_POINTS[recipe].settings),
        )
        about = {key: value for key, value in asdict(kept).items() if key != "id"}
        # Relative, so that the data folder may be moved.
        inside = path.is_relative_to(folder)
        about["path"] = path.relative_to(folder).as_posix() if inside else str(path)
        write_json(folder / ABOUT, about)
        return self.get(folder.name)

    def _read(self, folder: Path) -> KeptDataset | None:
        from finetune.run_folder import read_json

        about = read_json(folder / ABOUT)
        if "path" not in about:
            return None
        recipe = about.get("recipe", "own")
        return KeptDataset(
            id=folder.name,
            name=str(about.get("name", folder.name)),
            path=folder / str(about["path"]),  # an absolute path stays itself
            dataset=about.get("dataset"),
            recipe=cast("RecipeName", recipe if recipe in STARTING_POINTS else "own"),
            questions=tuple(map(str, about.get("questions", ()))),
            created_at=float(about.get("created_at", 0.0)),
            settings=dict(about.get("settings", {})),
        )


def _file_name(name: str) -> str:
    """An uploaded file's name without any folder; dataset_info.json refers to it, so that it is kept."""
    return PurePath(name.replace("\\", "/")).name or "rows"
