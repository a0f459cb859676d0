"""What a verdict says of missing answers, of what would turn it round and of what training costs, by code."""

from typing import Literal

VERDICT_MESSAGES: dict[str, dict[Literal["en", "zh"], str]] = {
    "advice_arm": {
        "en": "What to do: use {arm}; nothing that was asked was shown to beat it.",
        "zh": "建议：使用{arm}；参加比较的方式中没有哪种被证明更好。",
    },
    "advice_resume": {
        "en": "What to do: see why answers are missing and resume the run, which asks for them again: {arms}. Until then "
        "nothing is concluded.",
        "zh": "建议：请查明回答缺失的原因并继续运行，缺失的会重新提问：{arms}。在此之前不作结论。",
    },
    "advice_uneven": {
        "en": "What to do: see why scores are missing, or declare a metric that scores both; more questions would not help.",
        "zh": "建议：请查明评分缺失的原因，或声明对两者都能评分的指标；增加问题没有用。",
    },
    "experiment_other_version": {
        "en": "Experiment {id} was scored by another version ({stored}; this one is {now}). Of {checked} values that both "
        "tell, {changed} came out otherwise ({where}). Its answers are kept; to score them by this version, which takes "
        "seconds and asks no model: tandem experiment replay {id} --keep",
        "zh": "实验 {id} 由另一版本评分（{stored}，当前为 {now}）。两个版本都有的 {checked} 个数值中，{changed} 个不同（{where}）。"
        "已有的回答保持不变；按当前版本重新评分（只需几秒，不调用模型）：tandem experiment replay {id} --keep",
    },
    "flip_accuracy": {
        "en": "{behind} reaches {mean} of 100: {level} points more would draw level with {ahead}, about {points} more "
        "(from {turned}) would turn the verdict round.",
        "zh": "{behind}为 {mean} 分（满分 100）：再高 {level} 个百分点即与{ahead}持平，再高约 {points} 个百分点（达到 {turned}）则结论相反。",
    },
    "flip_accuracy_level": {
        "en": "{behind} reaches {mean} of 100: {level} points more would draw level with {ahead}, and on these {n} questions "
        "no score would turn the verdict round.",
        "zh": "{behind}为 {mean} 分（满分 100）：再高 {level} 个百分点即与{ahead}持平；在这 {n} 个问题上，再高的得分也不能使结论相反。",
    },
    "flip_accuracy_open": {
        "en": "{behind} reaches {mean} of 100: about {points} points more (from {turned}) would show it to beat {ahead}.",
        "zh": "{behind}为 {mean} 分（满分 100）：再高约 {points} 个百分点（达到 {turned}）即可表明它优于{ahead}。",
    },
    "flip_accuracy_out": {
        "en": "{behind} reaches {mean} of 100: on these {n} questions not even 100 would show it to beat {ahead}.",
        "zh": "{behind}为 {mean} 分（满分 100）：在这 {n} 个问题上，即使满分也不能表明它优于{ahead}。",
    },
    "flip_speed_never": {
        "en": "{better} takes {seconds} s longer per answer than {other}, little for {level} points: even who would give up "
        "a right answer to save one second decides the same way.",
        "zh": "{better}每次回答比{other}多用 {seconds} 秒，换来 {level} 个百分点：即使为节省一秒宁可放弃一个正确答案，结论也不变。",
    },
    "pays_after": {
        "en": "Making {arm} took {made}. It answers {seconds} s faster than {other}, which makes up for that after "
        "{questions} questions.",
        "zh": "制作{arm}用了{made}。它每次回答比{other}快 {seconds} 秒，回答 {questions} 个问题之后即可收回。",
    },
    "pays_never": {
        "en": "Making {arm} took {made}. It never answers faster than {other}: time is not a reason for it.",
        "zh": "制作{arm}用了{made}。它并不比{other}回答得更快：不能以节省时间为由选择它。",
    },
    "pays_unknown": {
        "en": "How long the training of {arm} took is not known, so it cannot be said after how many questions it pays.",
        "zh": "训练{arm}的用时未知，因此无法说明回答多少个问题之后才划算。",
    },
    "pays_untimed": {
        "en": "Making {arm} took {made}. Too few answers were timed beside {other} to say after how many questions it pays.",
        "zh": "制作{arm}用了{made}。与{other}相比，计时的回答太少，无法说明回答多少个问题之后才划算。",
    },
    "pays_worse": {
        "en": "Making {arm} took {made}, which it cannot pay back: it was shown to answer worse than {other}.",
        "zh": "制作{arm}用了{made}，无法收回：它的回答已表明不如{other}。",
    },
    "verdict_uneven": {
        "en": "{second} and {first} cannot be compared fairly: {missing} % of the questions were scored for only one of "
        "them ({metric}, {n} in common).",
        "zh": "无法公平比较{second}与{first}：{missing}% 的问题只有其中一种得到评分（{metric}，共有 {n} 个）。",
    },
}
