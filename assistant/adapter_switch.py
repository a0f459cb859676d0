"""LoRA adapters on one resident model: load, unload, choose which is applied.

Built on PEFT, so that every adapter PEFT can read is served as it was trained. PEFT's active adapter is
one setting for the whole model, which is why only the engine's own thread may touch this. Plain LoRA does not come
here: `assistant.lora_files` reads it and `assistant.lora_rows` applies it without a switch.
"""

from pathlib import Path
from typing import Any

from assistant.errors import EngineError


class AdapterSwitch:
    """The adapters of one model.

    Args:
        model: a transformers causal model; its modules are wrapped when the first adapter is loaded.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._peft: Any = None
        # PEFT keeps adapters as module names, which may not hold dots; people's names may.
        self._keys: dict[str, str] = {}
        self._loaded = 0
        self._active: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the loaded adapters, in the order of loading."""
        return tuple(self._keys)

    def load(self, name: str, folder: Path) -> None:
        """Read the PEFT adapter in `folder`; one of the same name is replaced.

        Raises:
            EngineError: the folder holds no adapter that fits this model.
        """
        # Takes seconds, and most answers need no adapter.
        from peft import PeftConfig, PeftModel

        if name in self._keys:
            self.unload(name)
        key = f"adapter_{self._loaded}"
        self._loaded += 1
        try:
            config = PeftConfig.from_pretrained(str(folder))
            if config.is_prompt_learning:
                raise ValueError(f"{config.peft_type} is not a weight adapter")
            config.inference_mode = True
            if self._peft is None:
                self._peft = PeftModel(self._model, config, adapter_name=key)
            self._peft.load_adapter(str(folder), adapter_name=key, is_trainable=False)
        except (OSError, ValueError, RuntimeError, KeyError, TypeError) as err:
            self._remove(key)
            raise EngineError("adapter_unreadable", name=name, reason=str(err).splitlines()[0]) from err
        self._peft.eval()
        self._keys[name] = key
        self._active = name
        self.activate(None)

    def unload(self, name: str) -> None:
        """Forget an adapter and free its weights; unknown names are ignored."""
        key = self._keys.pop(name, None)
        if key is None:
            return
        if self._active == name:
            self._peft.base_model.disable_adapter_layers()
            self._active = None
        self._remove(key)

    def activate(self, name: str | None) -> None:
        """Apply this adapter from the next forward pass on; None is the base weights, bit for bit.

        Raises:
            EngineError: no adapter of this name is loaded.
        """
        if name == self._active:
            return
        if name is None:
            self._peft.base_model.disable_adapter_layers()
        else:
            if name not in self._keys:
                raise EngineError("adapter_not_loaded", name=name)
            if self._active is None:
                self._peft.base_model.enable_adapter_layers()
            self._peft.base_model.set_adapter(self._keys[name], inference_mode=True)
        self._active = name

    def _remove(self, key: str) -> None:
        """Take an adapter's weights off the model, however far its loading came."""
        if self._peft is None or key not in self._peft.peft_config:
            return
        if self._keys:
            self._peft.delete_adapter(key)
            self._peft.base_model.disable_adapter_layers()
        else:
            # PEFT cannot be left without any adapter: take its wrappers off too.
            self._peft.unload()
            self._peft = None
        self._active = None
