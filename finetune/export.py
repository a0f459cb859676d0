"""An adapter in forms that others take: the PEFT folder as it is, merged safetensors, an Ollama Modelfile, GGUF.

What is exported is compared with the adapter before it is handed over.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune.adapters import NOTES, verified
from finetune.checks import Gate, general_score, stop_tokens
from finetune.errors import AdapterError, FinetuneError
from finetune.folders import MARKER, ModelFolder, publish
from finetune.general_questions import CHINESE, ENGLISH
from finetune.parity import check_merge, parities

CONVERTER = "convert_hf_to_gguf.py"
ASK = (ENGLISH[0][0], ENGLISH[11][0], CHINESE[0][0], CHINESE[4][0])


@dataclass(frozen=True, slots=True)
class Merged:
    """A merged model.

    Args:
        path: a model folder that everybody loads, with an Ollama Modelfile.
        parity: how its answers compare with the adapter's.
        general: share of the general questions it gets right, as a sign of life.
    """

    path: Path
    parity: Gate
    general: float


@dataclass(frozen=True, slots=True)
class OllamaTemplate:
    """A chat template cut into what stands around each message, which is all that Ollama's language can say.

    Args:
        opening: what comes first where there is no system message, such as a default one.
        before_system, after_system, before_user, before_answer, after_answer: around the contents; `before_answer`
            begins after the user's words.
    """

    opening: str
    before_system: str
    after_system: str
    before_user: str
    before_answer: str
    after_answer: str

    def render(self, messages: Sequence[dict[str, str]]) -> str:
        """Return what Ollama would make of `messages`."""
        text = "" if messages[0]["role"] == "system" else self.opening
        around = {
            "system": (self.before_system, self.after_system),
            "user": (self.before_user, self.before_answer),
            "assistant": ("", self.after_answer),
        }
        for message in messages:
            before, after = around[message["role"]]
            text += before + message["content"] + after
        return text

    def to_go(self) -> str:
        """Return it in Go's template language, as a Modelfile wants it."""
        first = _go(self.opening)
        opening = f'{{{{ if .Messages }}}}{{{{ if ne (index .Messages 0).Role "system" }}}}{first}{{{{ end }}}}{{{{ end }}}}'
        return (
            f'{opening if first else ""}{{{{ range .Messages }}}}{{{{ if eq .Role "system" }}}}'
            f"{_go(self.before_system)}{{{{ .Content }}}}{_go(self.after_system)}"
            f'{{{{ else if eq .Role "user" }}}}{_go(self.before_user)}{{{{ .Content }}}}{_go(self.before_answer)}'
            f'{{{{ else if eq .Role "assistant" }}}}{{{{ .Content }}}}{_go(self.after_answer)}'
            "{{ end }}{{ end }}"
        )


def export_adapter(adapters_dir: Path, name: str, target: Path) -> Path:
    """Copy an adapter's folder, whole and verified, to `target`.

    Raises:
        AdapterError: unknown or damaged, or `target` holds something.
    """
    source = verified(adapters_dir, name)
    _require_empty(target)
    with publish(target) as temporary:
        shutil.copytree(source, temporary, dirs_exist_ok=True, ignore=shutil.ignore_patterns(NOTES))
    return target


def export_merged(
    adapters_dir: Path, name: str, target: Path, *, base: ModelFolder, device: str | None = None
) -> Merged:
    """Merge an adapter into its base model and write a model folder with a Modelfile.

    Raises:
        AdapterError: unknown, damaged, of another base, of a kind that has no weights to merge, or `target` holds
            something.
        ModelUnavailableError: the base cannot be loaded, or the disk is full.
    """
    from finetune.models import load_model

    adapter = verified(adapters_dir, name, base=base)
    _require_empty(target)
    loaded: Any = load_model(base, adapter=adapter, device=device)
    config = loaded.model.active_peft_config
    if config.is_prompt_learning:
        raise AdapterError("export_not_mergeable", name=name, kind=str(config.peft_type.value).lower())
    prompts = [_prompt(loaded.tokenizer, question) for question in ASK]
    with publish(target) as temporary:
        again: Any = None

        def merge() -> Any:
            nonlocal again
            merged = loaded.model.merge_and_unload(safe_merge=True)
            merged.save_pretrained(str(temporary))
            loaded.tokenizer.save_pretrained(str(temporary))
            # What is asked is what was written.
            again = load_model(temporary, device=device, dtype=str(loaded.dtype).removeprefix("torch."))
            return again.model

        parity = check_merge(parities(loaded.model, loaded.tokenizer, prompts, merge))
        general = general_score(again.model, again.tokenizer)
        (temporary / "Modelfile").write_text(modelfile(again.model, again.tokenizer), "utf-8")
        (temporary / MARKER).unlink(missing_ok=True)
    return Merged(target, parity, general)


def modelfile(model: Any, tokenizer: Any, *, source: str = ".") -> str:
    """Return an Ollama Modelfile for a merged model's folder; `ollama create NAME -f Modelfile` takes it."""
    lines = [f"FROM {source}"]
    template = ollama_template(tokenizer)
    if template is not None:
        lines.append(f'TEMPLATE """{template.to_go()}"""')
    for token in sorted(stop_tokens(model, tokenizer)):
        lines.append(f'PARAMETER stop "{tokenizer.decode([token])}"')
    lines.append(f"PARAMETER num_ctx {int(getattr(model.config, 'max_position_embeddings', None) or 2048)}")
    return "\n".join(lines) + "\n"


def ollama_template(tokenizer: Any) -> OllamaTemplate | None:
    """Cut a tokenizer's chat template into pieces; None where the pieces would not say the same."""
    s, u, a, v, b = (f"\x01{letter}\x02" for letter in "suavb")

    def render(*turns: tuple[str, str], prompt: bool = False) -> str:
        messages = [{"role": role, "content": content} for role, content in turns]
        return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=prompt))

    def between(text: str, first: str, last: str) -> str:
        return text.partition(first)[2].partition(last)[0] if first else text.partition(last)[0]

    talk = (("user", u), ("assistant", a), ("user", v))
    try:
        full = render(("system", s), *talk, ("assistant", b))
        plain = render(*talk, prompt=True)
    except Exception:
        # Templates refuse what they do not know, such as a system message, in many ways.
        return None
    after_answer = full.partition(b)[2]
    to_user = between(full, a, v)
    if not to_user.startswith(after_answer):
        return None
    before_user = to_user.removeprefix(after_answer)
    opening, after_system = between(plain, "", u), between(full, s, u)
    if not opening.endswith(before_user) or not after_system.endswith(before_user):
        return None
    # Ollama puts that token first by itself where the tokenizer would; SmolLM2 has one that its tokenizer never adds.
    adds = tokenizer("x")["input_ids"][:1] == [tokenizer.bos_token_id]
    bos = str(tokenizer.bos_token) if adds else ""
    found = OllamaTemplate(
        opening=opening[: len(opening) - len(before_user)].removeprefix(bos),
        before_system=between(full, "", s).removeprefix(bos),
        after_system=after_system[: len(after_system) - len(before_user)],
        before_user=before_user,
        before_answer=between(full, u, a),
        after_answer=after_answer,
    )
    turns = [{"role": role, "content": content} for role, content in talk]
    same = found.render(turns) == plain.removeprefix(bos)
    system = [{"role": "system", "content": s}, *turns, {"role": "assistant", "content": b}]
    return found if same and found.render(system) == full.removeprefix(bos) else None


def gguf_command(
    model: Path, target: Path, *, kind: str = "q8_0", converter: Path | None = None
) -> list[str]:
    """Return the command that turns a merged model into GGUF with llama.cpp's converter."""
    found = converter or find_converter() or Path("llama.cpp") / CONVERTER
    python = sys.executable if found.exists() else "python"
    return [python, str(found), str(model), "--outfile", str(target), "--outtype", kind]


def find_converter() -> Path | None:
    """Return llama.cpp's converter, where LLAMA_CPP or PATH leads to it."""
    named = os.environ.get("LLAMA_CPP")
    places = [Path(named) / CONVERTER] if named else []
    on_path = shutil.which(CONVERTER)
    places += [Path(on_path)] if on_path else []
    return next((place for place in places if place.is_file()), None)


def export_gguf(model: Path, target: Path, *, kind: str = "q8_0") -> Path:
    """Turn a merged model into GGUF.

    Raises:
        FinetuneError: the converter is not here, in which case the message holds the command, or it failed.
    """
    command = gguf_command(model, target, kind=kind)
    if find_converter() is None:
        raise FinetuneError("export_gguf_by_hand", command=shlex.join(command))
    # The user's own program, found by the user's own variable or PATH.
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0 or not target.is_file():
        reason = (result.stderr.strip().splitlines() or ["?"])[-1][:300]
        raise FinetuneError("export_gguf_failed", command=shlex.join(command), reason=reason)
    return target


def _prompt(tokenizer: Any, question: str) -> list[int]:
    messages = [{"role": "user", "content": question}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return [int(i) for i in tokenizer(text, add_special_tokens=False)["input_ids"]]


def _require_empty(target: Path) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise AdapterError("export_exists", folder=str(target))


def _go(text: str) -> str:
    """Text as Go's templates write it: two braces would begin a command."""
    return text.replace("{{", '{{ "{{" }}')
