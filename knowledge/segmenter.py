"""Text to index terms: folded, lightly stemmed words; for Chinese, words and pairs of characters.

Simplified and traditional Chinese are not converted into each other. jieba's dictionary is mostly
simplified, so character pairs stand in where it does not know a traditional word.
"""

import re
import threading
import unicodedata
from typing import Any

IDENTITY = "words+jieba+bigrams/1"

_RUN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+|[^\W_]+(?:[.'’][^\W_]+)*")
_LETTERS = re.compile(r"[^\W_]+")
_jieba: Any = None
_lock = threading.Lock()


def is_han(character: str) -> bool:
    """Whether a character is a Chinese ideograph."""
    code = ord(character)
    return (
        0x4E00 <= code <= 0x9FFF
        or 0x3400 <= code <= 0x4DBF
        or 0xF900 <= code <= 0xFAFF
        or 0x20000 <= code <= 0x3FFFF
    )


def terms(text: str) -> list[str]:
    """The index terms of a text, in reading order, repeated as often as they occur."""
    found: list[str] = []
    for match in _RUN.finditer(unicodedata.normalize("NFKC", text).casefold()):
        run = match.group()
        if is_han(run[0]):
            found.extend(_han_terms(run))
        else:
            found.extend(_word_terms(run))
    return found


def warm() -> None:
    """Load the dictionary now; it takes about a second."""
    _dictionary()


def _han_terms(run: str) -> list[str]:
    """Words of two characters and more, every pair, and single characters that stand alone."""
    if len(run) == 1:
        return [run]
    pairs = [run[i : i + 2] for i in range(len(run) - 1)]
    words = [word for word in _dictionary().cut(run, HMM=False) if len(word) > 2]
    return pairs + words


def _word_terms(run: str) -> list[str]:
    """A word, stemmed; the parts of "v1.2" or "o'neil" too."""
    stemmed = [_stem(run)]
    if not run.isalnum():
        stemmed += [_stem(part) for part in _LETTERS.findall(run) if len(part) > 1]
    return stemmed


def _stem(word: str) -> str:
    """Cut English plural and inflection endings: only the safe steps, so that names stay recognisable."""
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    if word.endswith("'s"):
        word = word[:-2]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    return word


def _dictionary() -> Any:
    """jieba with its dictionary loaded, once; its cache stays out of shared temporary folders.

    jieba caches the dictionary with `marshal` in the system's temporary folder, where another user could
    plant a file. Loading the text dictionary takes a second; so no cache file is read or written.
    """
    global _jieba
    with _lock:
        if _jieba is None:
            import logging

            import jieba

            jieba.setLogLevel(logging.ERROR)
            tokenizer = jieba.Tokenizer()
            tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
            tokenizer.initialized = True
            _jieba = tokenizer
    return _jieba
