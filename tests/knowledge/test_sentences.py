"""Sentence ends in two languages, and cuts of what has none."""

from knowledge.sentences import cut_evenly, sentences


def test_sentences_in_two_languages() -> None:
    text = "Dr. Smith paid 3.5 EUR. Really? “Yes.” 他来了。“真的吗？”她问。e.g. this\nLine"
    assert [text[start:end] for start, end in sentences(text)] == [
        "Dr. Smith paid 3.5 EUR. ",
        "Really? ",
        "“Yes.” ",
        "他来了。",
        "“真的吗？”",
        "她问。",
        "e.g. this\n",
        "Line",
    ]


def test_a_long_span_is_cut_at_clauses_and_loses_nothing() -> None:
    text = "eins, zwei, drei, vier, fünf, sechs, sieben, acht"
    spans = cut_evenly(text, 0, len(text), 3)
    assert "".join(text[start:end] for start, end in spans) == text
    assert len(spans) in (3, 4)
    assert all(text[start:end].endswith(", ") for start, end in spans[:-1])
