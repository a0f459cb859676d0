"""What each metric is called, in which direction it is better, and what the reasons for no score mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from assistant.compare.questions import Question
from assistant.messages import Language


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as it is shown.

    Args:
        unit: "share" is 0..1 and shown as points of a hundred; others are what they say and have no bounds.
        better: "more", "less", or "" where neither is better.
        of: what is scored: "answer", "retrieval" or "cost".
    """

    name: str
    en: str
    zh: str
    unit: Literal["share", "s", "tokens", "tokens/s", "GB", "J"] = "share"
    better: Literal["more", "less", ""] = "more"
    of: Literal["answer", "retrieval", "cost"] = "answer"

    def label(self, language: Language) -> str:
        """Its name for people."""
        return self.zh if language == "zh" else self.en

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Between which its values lie."""
        return (0.0, 1.0) if self.unit == "share" else None


_ALL = (
    Metric("squad_f1", "F1 (SQuAD 2.0)", "F1（SQuAD 2.0）"),
    Metric("squad_em", "Exact match (SQuAD 2.0)", "完全匹配（SQuAD 2.0）"),
    Metric("cmrc_f1", "F1 (CMRC 2018)", "F1（CMRC 2018）"),
    Metric("cmrc_em", "Exact match (CMRC 2018)", "完全匹配（CMRC 2018）"),
    Metric("character_f1", "F1 of words and characters", "字词重合 F1"),
    Metric("contains_reference", "Contains the reference", "包含参考答案"),
    Metric("rouge_l", "ROUGE-L", "ROUGE-L"),
    Metric("chrf", "chrF", "chrF"),
    Metric("similarity", "Semantic similarity", "语义相似度"),
    Metric("decision", "Answers or refuses rightly", "该答则答、该拒则拒"),
    Metric("citation_precision", "Citation precision", "引用精确率"),
    Metric("citation_recall", "Citation recall", "引用召回率"),
    Metric("supported", "Supported by its passages", "有段落支持的比例"),
    Metric("ended", "Ended by itself", "自行结束"),
    Metric("length_tokens", "Length", "长度", unit="tokens", better=""),
    Metric("recall_at_1", "Recall@1", "召回率@1", of="retrieval"),
    Metric("recall_at_5", "Recall@5", "召回率@5", of="retrieval"),
    Metric("reciprocal_rank", "MRR", "MRR", of="retrieval"),
    Metric("ndcg_at_5", "nDCG@5", "nDCG@5", of="retrieval"),
    Metric("first_token_s", "Time to first token", "首个 token 用时", unit="s", better="less", of="cost"),
    Metric("total_s", "Time per answer", "每次回答用时", unit="s", better="less", of="cost"),
    Metric("tokens_per_s", "Tokens per second", "每秒 token 数", unit="tokens/s", of="cost"),
    Metric("memory_gb", "Peak memory", "内存峰值", unit="GB", better="less", of="cost"),
    Metric("energy_j", "Energy per answer", "每次回答能耗", unit="J", better="less", of="cost"),
)
METRICS = {metric.name: metric for metric in _ALL}
ANSWER_METRICS = tuple(name for name, metric in METRICS.items() if metric.of != "retrieval")

REASONS: dict[str, dict[Language, str]] = {
    "asked_together": {
        "en": "answered together with others, so its clocks do not count",
        "zh": "与其他问题一同作答，不计时",
    },
    "arm_failed": {"en": "the arm failed", "zh": "该方式出错"},
    "model_not_run": {"en": "refused before the model was asked", "zh": "未调用模型即已拒答"},
    "no_evidence": {"en": "the question names no place in the documents", "zh": "问题未注明文档出处"},
    "no_other_embedder": {
        "en": "no embedding model other than the retriever's is on this machine",
        "zh": "本机没有与检索所用不同的嵌入模型",
    },
    "no_reference": {"en": "the question has no reference answer", "zh": "问题没有参考答案"},
    "no_retrieval": {"en": "the arm reads no passages", "zh": "该方式不检索"},
    "not_asked": {"en": "not asked yet", "zh": "尚未提问"},
    "not_readable": {"en": "cannot be read on this machine", "zh": "本机无法读取"},
    "nothing_claimed": {"en": "the answer claims nothing", "zh": "回答没有可核对的陈述"},
    "other_language": {"en": "not defined for the question's language", "zh": "不适用于该语言"},
    "refused": {"en": "the arm refused", "zh": "已拒答"},
    "source_not_indexed": {"en": "the file with the answer was not searched", "zh": "答案所在文件未被检索"},
    "unanswerable": {"en": "the documents hold no answer", "zh": "文档中没有答案"},
    "warm_up": {"en": "first answer after a start", "zh": "启动后的首次回答"},
}


def default_primary(questions: Sequence[Question]) -> str:
    """The metric to declare when none is chosen: SQuAD's F1, or ours where a language has no blanks."""
    return "squad_f1" if all(q.language not in ("zh", "ja") for q in questions) else "character_f1"
