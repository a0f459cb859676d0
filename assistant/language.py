"""Which language a text is in, by its script, and which one the shell speaks."""

import locale
import os
import re
import tomllib

from assistant.messages import Language

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_KANA = re.compile(r"[\u3040-\u30ff]")
_LETTERS = re.compile(r"[A-Za-z\u00c0-\u024f]+")
_CODE = re.compile(r"```.*?```|`[^`]*`|https?://\S+|[\w.+-]+@[\w.-]+|[\w-]+(?:[./\\_][\w-]+)+", re.DOTALL)


def han_share(text: str) -> float:
    """Return the share, 0..1, that Chinese has in `text`; a Chinese character weighs as half a word.

    Code, addresses and file names say nothing about the language around them and are left out.
    """
    plain = _CODE.sub(" ", text)
    han = len(_HAN.findall(plain)) / 2
    words = len(_LETTERS.findall(plain))
    return han / (han + words) if han + words else 0.0


def detect_language(text: str, *, default: Language = "en") -> Language:
    """Return "zh" or "en" for a text.

    Chinese that mentions English product names is Chinese; English that quotes a Chinese word is English.

    Args:
        default: for a text without letters, such as a number.
    """
    plain = _CODE.sub(" ", text)
    if len(_KANA.findall(plain)) > len(_HAN.findall(plain)) / 2:
        return "en"
    if not _HAN.search(plain) and not _LETTERS.search(plain):
        return "zh" if _HAN.search(text) else default
    return "zh" if han_share(text) >= 0.3 else "en"


def shell_language() -> Language:
    """The language of the shell: TANDEM_LANGUAGE, the settings file, else LC_ALL, LC_MESSAGES, LANG."""
    variables = [os.environ.get("TANDEM_LANGUAGE", ""), _language_in_file()]
    variables += [os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG")]
    for value in variables:
        if value and value.lower() != "auto":
            return "zh" if value.lower().startswith("zh") else "en"
    system = (locale.getlocale()[0] or "").lower()
    return "zh" if system.startswith(("zh", "chinese")) else "en"


def _language_in_file() -> str:
    """The settings file's language, read before anything heavy: `--help` is in it too.

    Mistakes in the file are told by `assistant.settings`, which reads all of it.
    """
    named, data_dir = os.environ.get("TANDEM_CONFIG"), os.environ.get("TANDEM_DATA_DIR")
    places = (
        [named] if named else ["tandem.toml", *([os.path.join(data_dir, "tandem.toml")] if data_dir else [])]
    )
    for place in places:
        try:
            with open(place, "rb") as file:
                return str(tomllib.load(file).get("language", ""))
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
            continue
    return ""
