"""What a verdict says: headline, advice, what would turn it round, what training costs; in English and Chinese, by code."""

from typing import Literal

VERDICT_MESSAGES: dict[str, dict[Literal["en", "zh"], str]] = {
    "advice_arm": {
        "en": "What to do: use {arm}; nothing that was asked was shown to beat it.",
        "zh": "建议：使用{arm}；参加比较的方式中没有哪种被证明更好。",
    },
    "advice_both": {
        "en": "What to do: use both, retrieval and the adapter; nothing simpler was shown to be as good.",
        "zh": "建议：检索与微调同时使用；没有更简单的方式被证明同样好。",
    },
    "advice_finetune": {
        "en": "What to do: use the adapter without retrieval; nothing was shown to beat it.",
        "zh": "建议：使用微调的适配器，不必检索；没有哪种方式被证明更好。",
    },
    "advice_floor": {
        "en": "What to do: nothing can be recommended; even the better of the two reaches only {best} of 100. Read some "
        "answers: either the model is too small, or the reference answers are much longer than it writes.",
        "zh": "建议：目前无法给出建议；两者中较好的一种也只有 {best} 分（满分 100）。请抽查一些回答：或是模型太小，"
        "或是参考答案远比模型写的长。",
    },
    "advice_neither": {
        "en": "What to do: neither; the model alone is the simplest, and nothing was shown to beat it.",
        "zh": "建议：两者都不用；仅用模型最简单，而且没有哪种方式被证明更好。",
    },
    "advice_none": {
        "en": "What to do: nothing can be recommended; what scores best does so by refusing.",
        "zh": "建议：目前无法给出建议；得分最高的方式靠的是拒答。",
    },
    "advice_not_asked": {
        "en": "Not asked, so nothing is known of: {arms}.",
        "zh": "未参加比较，因此无从得知：{arms}。",
    },
    "advice_open": {
        "en": "Whether {arms} would be better than {arm} is open: it takes more questions.",
        "zh": "{arms} 是否优于{arm}尚无定论，需要更多问题。",
    },
    "advice_resume": {
        "en": "What to do: see why answers are missing and resume the run, which asks for them again: {arms}. Until then "
        "nothing is concluded.",
        "zh": "建议：请查明回答缺失的原因并继续运行，缺失的会重新提问：{arms}。在此之前不作结论。",
    },
    "advice_retrieve": {
        "en": "What to do: retrieve; nothing that was asked was shown to beat it.",
        "zh": "建议：使用检索；参加比较的方式中没有哪种被证明更好。",
    },
    "advice_silent": {
        "en": "{arm} is not advised, whatever its score: it refused {refused} of {answerable} questions that have an "
        "answer.",
        "zh": "{arm}不作推荐，无论得分如何：{answerable} 个有答案的问题中，它拒答了 {refused} 个。",
    },
    "advice_unclear": {
        "en": "What to do: nothing can be recommended yet; ask more questions.",
        "zh": "建议：目前还无法给出建议；请增加问题。",
    },
    "advice_uneven": {
        "en": "What to do: see why scores are missing, or declare a metric that scores both; more questions would not help.",
        "zh": "建议：请查明评分缺失的原因，或声明对两者都能评分的指标；增加问题没有用。",
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
    "flip_none": {
        "en": "No price in time was shown: as far as was measured, {better} is not slower than {other}.",
        "zh": "未见时间上的代价：就所测而言，{better}并不比{other}慢。",
    },
    "flip_speed": {
        "en": "{better} takes {seconds} s longer per answer than {other}: whoever gives up more than {points} points "
        "for a second decides the other way.",
        "zh": "{better}每次回答比{other}多用 {seconds} 秒：若每秒的等待值得放弃 {points} 个百分点以上，则结论相反。",
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
    "verdict_adapters": {
        "en": "Over {count} adapters, fine-tuning adds {points} points to retrieval (95 % interval {low} to {high}, "
        "which counts that adapters differ: single ones reach {lowest} to {highest}).",
        "zh": "就 {count} 个适配器而言，微调使检索提高 {points} 个百分点（95% 区间 {low} 至 {high}，已计入适配器之间的差异："
        "单个适配器为 {lowest} 至 {highest}）。",
    },
    "verdict_better": {
        "en": "On your {n} questions, {second} beats {first} by {points} points ({metric}; {level} % interval {low} to {high}).",
        "zh": "在您的 {n} 个问题上，{second}比{first}高 {points} 个百分点（{metric}；{level}% 区间 {low} 至 {high}）。",
    },
    "verdict_better_within": {
        "en": "On your {n} questions, {second} beats {first}, but only by {points} points ({metric}; {level} % interval "
        "{low} to {high}), which is within the {margin} points that were declared not to matter.",
        "zh": "在您的 {n} 个问题上，{second}优于{first}，但只高 {points} 个百分点（{metric}；{level}% 区间 {low} 至 {high}），"
        "在事先声明的 {margin} 个百分点的可忽略范围之内。",
    },
    "verdict_clustered": {
        "en": "Questions from the same {by} resemble each other: these {n} say as much as about {effective} independent ones.",
        "zh": "同一{by}的问题彼此相似：这 {n} 个问题大约相当于 {effective} 个独立的问题。",
    },
    "verdict_equivalent": {
        "en": "On your {n} questions, {second} and {first} are equivalent within {margin} points: they differ by {points} "
        "({metric}; {level} % interval {low} to {high}).",
        "zh": "在您的 {n} 个问题上，{second}与{first}在 {margin} 个百分点之内等效：相差 {points}（{metric}；{level}% 区间 {low} 至 {high}）。",
    },
    "verdict_few": {
        "en": "Only {n} questions were scored for both {first} and {second} ({metric}): with fewer than {fewest} nothing is concluded.",
        "zh": "{first}与{second}都有评分的问题只有 {n} 个（{metric}）：少于 {fewest} 个不作任何结论。",
    },
    "verdict_few_seeds": {
        "en": "{arm} stands for {count} training runs, averaged question by question: single ones reach {lowest} to "
        "{highest} (standard deviation {spread}). The interval counts that runs differ, but {count} are too few to know by "
        "how much: another run may lie outside it.",
        "zh": "{arm}代表 {count} 次训练，按问题取平均：单次为 {lowest} 至 {highest}（标准差 {spread}）。区间已计入各次训练之间的差异，"
        "但只有 {count} 次，不足以确定差异有多大：再训练一次，结果可能落在区间之外。",
    },
    "verdict_levels": {
        "en": "Out of 100, {second} reaches {second_mean} and {first} {first_mean}.",
        "zh": "满分 100，{second}为 {second_mean}，{first}为 {first_mean}。",
    },
    "verdict_none": {
        "en": "No question was scored for both {first} and {second} ({metric}). Add reference answers, or see why the arms failed.",
        "zh": "没有一个问题同时有{first}与{second}的评分（{metric}）。请补充参考答案，或查看出错原因。",
    },
    "verdict_one_adapter": {
        "en": "This is about the one adapter “{name}”, not about fine-tuning: another training run may come out otherwise.",
        "zh": "以上只说明适配器“{name}”，不代表微调本身：再训练一次，结果可能不同。",
    },
    "verdict_seeds": {
        "en": "{arm} stands for {count} training runs, averaged question by question: single ones reach {lowest} to "
        "{highest} (standard deviation {spread}). The interval counts that runs differ.",
        "zh": "{arm}代表 {count} 次训练，按问题取平均：单次为 {lowest} 至 {highest}（标准差 {spread}）。区间已计入各次训练之间的差异。",
    },
    "verdict_unclear": {
        "en": "{n} questions are not enough to tell {second} from {first}: they differ by {points} points ({metric}; "
        "{level} % interval {low} to {high}). About {more} more would tell.",
        "zh": "{n} 个问题不足以分辨{second}与{first}：相差 {points} 个百分点（{metric}；{level}% 区间 {low} 至 {high}）。大约还需要 {more} 个问题。",
    },
    "verdict_uneven": {
        "en": "{second} and {first} cannot be compared fairly: {missing} % of the questions were scored for only one of "
        "them ({metric}, {n} in common).",
        "zh": "无法公平比较{second}与{first}：{missing}% 的问题只有其中一种得到评分（{metric}，共有 {n} 个）。",
    },
    "verdict_worse": {
        "en": "On your {n} questions, {second} loses to {first} by {points} points ({metric}; {level} % interval {low} to {high}).",
        "zh": "在您的 {n} 个问题上，{second}比{first}低 {points} 个百分点（{metric}；{level}% 区间 {low} 至 {high}）。",
    },
    "verdict_worse_within": {
        "en": "On your {n} questions, {second} loses to {first}, but only by {points} points ({metric}; {level} % interval "
        "{low} to {high}), which is within the {margin} points that were declared not to matter.",
        "zh": "在您的 {n} 个问题上，{second}不如{first}，但只低 {points} 个百分点（{metric}；{level}% 区间 {low} 至 {high}），"
        "在事先声明的 {margin} 个百分点的可忽略范围之内。",
    },
}
