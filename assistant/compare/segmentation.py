"""How answers are cut into tokens before they are compared, one function per published rule."""

import re
import string
import unicodedata

_ASCII_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_CMRC_HAN = re.compile(r"[\u4e00-\u9fa5]")

# CMRC 2018's list, as its scorer has it: , . ! ? of ASCII are not in it, and its ellipsis is an entry of two
# characters, which no single character ever equals, so that an ellipsis stays.
_CMRC_PUNCTUATION = frozenset("-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』")

_FREE_TOKEN = re.compile(
    r"(?P<han>[\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af])"
    r"|(?P<number>(?:(?<![\w)\]])-)?\d+(?:,\d{3}(?!\d))*(?:\.\d+)*)"
    r"|(?P<word>(?:(?![\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])[^\W_]"
    r"|[\u0300-\u036f])+)"
)

_TREEBANK_STEPS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # opening quotes
        (r"([«“‘„])", r" \1 "),
        (r'^"', r"`` "),
        (r"([ (\[{<])(\"|'')", r"\1 `` "),
        (r"(?<!\w)'(?!(?:re|ve|ll|m|t|s|d|n)\b)(?=\w)", r"' "),
        # a full stop is a token only at the end; marks between digits belong to the number
        (r"([^.])(\.)([\])}>\"'»”’ ]*)\s*$", r"\1 \2 \3 "),
        (r",(?=\D)", r" , "),
        (r",$", r" , "),
        (r"\.{2,}", r" \g<0> "),
        (r"[;@#$%&?!]", r" \g<0> "),
        (r"[–—]", r" \g<0> "),
        (r"([^'])' ", r"\1 ' "),
        (r"[\]\[(){}<>]", r" \g<0> "),
    )
)
_TREEBANK_ENDINGS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"([»”’])", r" \1 "),
        (r"''", r" '' "),
        (r'"', r" '' "),
        (r"([^' ])('[smd]|') ", r"\1 \2 "),
        (r"([^' ])('ll|'re|'ve|n't) ", r"\1 \2 "),
        (r"\b(can)(not)\b", r" \1 \2 "),
        (r"\b(gim|lem)(me)\b", r" \1 \2 "),
        (r"\b(gon|wan)(na)\b", r" \1 \2 "),
        (r"\b(got)(ta)\b", r" \1 \2 "),
        (r"\b(d)('ye)\b", r" \1 \2 "),
        (r"\b(more)('n)\b", r" \1 \2 "),
    )
)


def squad_words(text: str) -> list[str]:
    """Lower case, without ASCII punctuation and English articles, cut at white space.

    Source: the rules of SQuAD 2.0's evaluation, https://rajpurkar.github.io/SQuAD-explorer/
    """
    return _ARTICLES.sub(" ", text.lower().translate(_ASCII_PUNCTUATION)).split()


def cmrc_stripped(text: str) -> str:
    """Lower case, without CMRC 2018's punctuation; inner spaces stay."""
    return "".join(letter for letter in text.lower().strip() if letter not in _CMRC_PUNCTUATION)


def cmrc_tokens(text: str) -> list[str]:
    """CMRC 2018's mixed cut: each Chinese character by itself, what stands between by the Treebank rules.

    Punctuation is removed before cutting, so that "A-1" is the one token "a1". The official scorer also cuts
    what stands between at sentence ends; in lower-case runs this changes next to nothing and is left out.

    Source: CMRC 2018's scorer, version 6, https://github.com/ymcui/cmrc2018
    """
    tokens: list[str] = []
    run: list[str] = []

    def flush() -> None:
        if run:
            tokens.extend(treebank_tokens("".join(run)))
            run.clear()

    for letter in cmrc_stripped(text):
        if _CMRC_HAN.match(letter):
            flush()
            tokens.append(letter)
        else:
            run.append(letter)
    flush()
    return tokens


def treebank_tokens(text: str) -> list[str]:
    """Cut one lower-case sentence as the Penn Treebank does: marks, long dashes and contractions by themselves.

    Source: the rules of https://www.nltk.org/api/nltk.tokenize.treebank.html, as far as they concern text
    from which CMRC's punctuation is gone.
    """
    for pattern, replacement in _TREEBANK_STEPS:
        text = pattern.sub(replacement, text)
    text = f" {text} "
    for pattern, replacement in _TREEBANK_ENDINGS:
        text = pattern.sub(replacement, text)
    return text.split()


def free_tokens(text: str) -> list[str]:
    """Our own cut, for every language: characters of Chinese and Japanese, words and numbers of all others.

    Full-width forms are folded, case and punctuation dropped, "21,000" equals "21000" and "5kg" equals
    "5 kg"; a minus sign stays with its number.
    """
    folded = unicodedata.normalize("NFKC", text).lower().replace("\u2212", "-")
    tokens: list[str] = []
    for match in _FREE_TOKEN.finditer(folded):
        token = match.group()
        tokens.append(token.replace(",", "") if match.lastgroup == "number" else token)
    return tokens


def squeezed(text: str) -> str:
    """Text for comparing quotes: width and case folded, white space and the bars of tables left out."""
    return "".join(unicodedata.normalize("NFKC", text).replace("|", "").lower().split())
