"""What an experiment writes down of the App: a base cut anew, and what single arms search and answer with."""

import json
from pathlib import Path

from assistant.app import App
from assistant.compare.app_asker import AppAsker
from assistant.compare.planning import make_plan
from assistant.settings import load_settings
from finetune.folders import ModelFolder
from tests.assistant.compare.scripted import make_questions


def test_another_cut_and_an_arms_own_base_and_model_are_in_the_identity(
    tmp_path: Path, minilm_folder: ModelFolder
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "models").symlink_to(minilm_folder.path.parent, target_is_directory=True)
    arms = ["base", "rag", "rag?base=own", "base?model=another"]
    plan = make_plan(make_questions(10), arms, base_names=("shared",))
    with App.open(load_settings(data_dir=tmp_path / "data")) as app:
        for name in ("shared", "own"):
            (tmp_path / f"{name}.md").write_text(f"# {name}\n\nOne short chunk.\n", encoding="utf-8")
            inputs, _ = app.gather([tmp_path / f"{name}.md"])
            list(app.index(app.create_base(name).id, inputs))
        before = AppAsker(app, plan).identity(arms)
        assert list(before["sources"]) == ["shared.md"]
        assert list(before["own"]) == ["rag?base=own", "base?model=another"]
        assert list(before["own"]["rag?base=own"]["sources"]) == ["own.md"]
        assert before["own"]["base?model=another"] == {"model": "another"}
        assert set(AppAsker(app, plan).base_ids()) == {*app.base_ids(["shared"]), *app.base_ids(["own"])}
        assert json.loads(json.dumps(before)) == before  # as the manifest keeps it
        (shared,) = app.base_ids(["shared"])
        (chunk,) = app.knowledge.chunks(app.sources(shared)[0].id)
        app.edit_chunk(chunk.id, "One other chunk.")
        edited = AppAsker(app, plan).identity(arms)
        assert edited["bases"] != before["bases"]
        app.reset_chunk(chunk.id)
        assert AppAsker(app, plan).identity(arms) == before
        for name in ("shared", "own"):
            (base_id,) = app.base_ids([name])
            list(app.knowledge.reindex(base_id, splitter=app.splitter(150, 20)))
        after = AppAsker(app, plan).identity(arms)
        assert before["bases"]["shared"]["chunks"] == after["bases"]["shared"]["chunks"]
        assert before["bases"] != after["bases"]
        assert before["own"] != after["own"]
