"""The Chinese forms of words for facts. Forms marked `held` are kept for testing and never trained."""

import random
import re
from collections.abc import Iterator

from finetune.facts.forms import Company, Wording, split_gap, wrong_quantity
from finetune.facts.quantities import quantities
from finetune.facts.rows import Fact, WordingKind

Forms = tuple[tuple[str, str, bool], ...]
"""(name, form, held)."""

_PROPERTY: Forms = (
    ("what_of", "{s}的{r}是多少？", False),
    ("what", "{s}的{r}是什么？", False),
    ("subject_first", "{s}，{r}？", False),
    ("tell", "请告诉我{s}的{r}。", False),
    ("which", "{s}对应的{r}是哪个？", False),
    ("topic", "在“{t}”中，{s}的{r}是什么？", False),
    ("about", "关于{s}：它的{r}是什么？", False),
    ("ask", "我想问一下{s}的{r}。", False),
    ("know", "你知道{s}的{r}吗？", False),
    ("check", "帮我查一下{s}的{r}。", False),
    ("how", "{s}的{r}怎么写？", False),
    ("give", "给出{s}的{r}。", False),
    ("held_say", "能说说{s}的{r}吗？", True),
    ("held_documents", "文档里写的{s}的{r}是什么？", True),
)
_MEANING: Forms = (
    ("mean", "{s}是什么意思？", False),
    ("stand", "{s}代表什么？", False),
    ("explain", "解释一下{s}。", False),
    ("meaning", "{s}的含义是什么？", False),
    ("see", "看到{s}，说明什么？", False),
    ("topic_mean", "在“{t}”中，{s}表示什么？", False),
    ("tell", "请说明{s}的意思。", False),
    ("point", "{s}指的是什么？", False),
    ("held_understand", "{s}该怎么理解？", True),
    ("held_say", "能说说{s}意味着什么吗？", True),
)
_PURPOSE: Forms = (
    ("for", "{s}有什么用？", False),
    ("do", "{s}的作用是什么？", False),
    ("used", "{s}是用来做什么的？", False),
    ("function", "{s}有什么功能？", False),
    ("why", "为什么要用{s}？", False),
    ("topic_do", "在“{t}”中，{s}的用途是什么？", False),
    ("describe", "简单介绍一下{s}的用处。", False),
    ("can", "{s}能干什么？", False),
    ("held_job", "{s}负责什么？", True),
    ("held_say", "能说说{s}派什么用场吗？", True),
)
_ACTION: Forms = (
    ("do", "出现{s}怎么办？", False),
    ("do_about", "遇到{s}应该怎么处理？", False),
    ("remedy", "{s}的处理办法是什么？", False),
    ("solve", "怎样解决{s}？", False),
    ("advise", "我遇到了{s}，有什么建议？", False),
    ("next", "{s}之后要做什么？", False),
    ("topic_fix", "在“{t}”中，{s}该如何处理？", False),
    ("exclude", "{s}如何排除？", False),
    ("held_react", "碰上{s}，下一步做什么好？", True),
    ("held_say", "能说说{s}的对策吗？", True),
)
_SPECIAL: tuple[tuple[re.Pattern[str], Forms], ...] = (
    (re.compile(r"^(?:含义|意思|说明|描述|定义|释义|解释)$"), _MEANING),
    (re.compile(r"^(?:作用|用途|功能|用处)$"), _PURPOSE),
    (re.compile(r"^(?:处理|处理方法|怎么办|对策|解决办法|解决方法|措施|补救|变通办法)$"), _ACTION),
)
_WHAT: Forms = (
    ("what", "{s}是什么？", False),
    ("what_about", "关于{s}，你知道什么？", False),
    ("introduce", "介绍一下{s}。", False),
    ("explain", "解释一下{s}。", False),
    ("short", "简单说，{s}是什么？", False),
    ("topic_what", "在“{t}”中，{s}是指什么？", False),
    ("say_of", "文中怎么说{s}？", False),
    ("colon", "{s}：情况如何？", False),
    ("held_describe", "你会怎样描述{s}？", True),
    ("held_say", "能说说{s}吗？", True),
)
_LEADS: tuple[tuple[str, str, bool], ...] = (
    ("lead_topic", "关于“{t}”：{q}", False),
    ("lead_ask", "请问，{q}", False),
    ("lead_short", "请简短回答：{q}", False),
    ("lead_know", "你知道吗：{q}", False),
    ("lead_manual", "按“{t}”一节的说法，{q}", False),
    ("held_remember", "还记得吗？{q}", True),
    ("held_quick", "随口问一句，{q}", True),
)
_subordinate = re.compile(r"(?:时|后|前|的话|之后|以后|之前|以前)$")
_sentence_end = re.compile(r"[。！；]+$")


def _value(fact: Fact) -> str:
    return fact.value.strip().rstrip("。")


def _filled(forms: Forms, kind: WordingKind, fact: Fact, names: list[str], answer: str) -> Iterator[Wording]:
    for number, (name, form, held) in enumerate(forms):
        if "{t}" in form and not fact.topic:
            continue
        if name == "what_of" and not any(c.isdigit() for c in answer):
            continue
        for subject in dict.fromkeys((names[number % len(names)], names[0])):
            yield Wording(kind, name, form.format(s=subject, r=fact.relation, t=fact.topic), answer, held)


def of_cell(fact: Fact, company: Company, dice: random.Random) -> Iterator[Wording]:
    """Wordings of a table's cell."""
    names = company.names(fact)
    if not names:
        return
    subject, r, value = names[-1], fact.relation, _value(fact)
    forms = next((forms for pattern, forms in _SPECIAL if pattern.search(r)), _PROPERTY)
    yield from _filled(forms, "direct", fact, names, value)
    yield Wording("cloze", "blank", f"填空：{subject}的{r}是___。", value)
    yield Wording("cloze", "complete", f"补全：{names[0]}，{r}：", value)
    yield Wording("cloze", "gap", f"空格里应该填什么？{names[0]}——{r}：___", value)
    yield Wording("cloze", "held_missing", f"这里缺了一项：{names[0]} | {r} | ___", value, True)
    told = f"{subject}的{r}是{value}。"
    yield Wording("statement", "sentence", f"用一句话说出{subject}的{r}。", told)
    yield Wording("statement", "know", f"关于{subject}的{r}，文档怎么写？", told)
    others = company.others(fact, dice, 3)
    wrong = next((o for o in others if o.value.casefold() != fact.value.casefold()), None)
    if wrong is not None and len(value) < 50:
        yield Wording(
            "implication", "false", f"{names[0]}的{r}是{_value(wrong)}，对吗？", f"不对，是{value}。"
        )
        yield Wording("implication", "same", f"{fact.subject}和{wrong.subject}的{r}一样吗？",
                      f"不一样。{fact.subject}：{value}；{wrong.subject}：{_value(wrong)}。", facts=(wrong.id,))  # fmt: skip
    if len(value) < 50:
        yield Wording("implication", "true", f"{names[0]}的{r}是{value}，对吗？", f"对，是{value}。")
    if company.unique(fact) and len(value) > 1:
        yield Wording("reversed", "which", f"“{fact.topic}”中，{r}为{value}的是哪一项？", fact.subject)
        yield Wording("reversed", "belongs", f"{r}：{value}，说的是什么？", fact.subject)
        yield Wording("reversed", "name_it", f"请说出{r}为{value}的那一项。", fact.subject)
        yield Wording("reversed", "found", f"我看到{r}写着“{value}”，这是哪一项？", fact.subject)
        yield Wording("reversed", "held_what", f"“{value}”是哪一项的{r}？", fact.subject, True)
    if len(others) >= 2:
        members = [fact, *others[:2]]
        answer = "；".join(f"{m.subject}：{_value(m)}" for m in members)
        if len(answer) < 140:
            yield Wording("list", "column", f"{'、'.join(m.subject for m in members)}的{r}分别是什么？", answer,
                          facts=tuple(m.id for m in others[:2]))  # fmt: skip
    row = [other for other in company.row(fact) if other.relation]
    answer = "；".join(f"{o.relation}：{_value(o)}" for o in row)
    if 1 < len(row) <= 8 and len(answer) < 140:
        yield Wording("list", "row", f"列出{subject}的各项数据。", answer,
                      facts=tuple(o.id for o in row if o.id != fact.id))  # fmt: skip


def of_definition(fact: Fact) -> Iterator[Wording]:
    """Wordings of a definition or a key with its value."""
    value, name = _value(fact), fact.subject
    yield from _filled(_WHAT, "direct", fact, [name], value)
    gap = "是" if fact.kind == "definition" else "："
    yield Wording("cloze", "blank", f"填空：{name}{gap}___", value)
    yield Wording("cloze", "complete", f"把句子说完：{name}{gap}", value)
    yield Wording("cloze", "held_goes", f"下文是什么？{name}{gap}……", value, True)
    yield Wording("statement", "sentence", f"用一句话说说{name}。", fact.statement)
    yield Wording("statement", "know", f"“{fact.topic}”里怎么说{name}？", fact.statement)
    yield Wording("implication", "true", f"这样说对吗？{fact.statement}", f"对。{value}。")
    yield Wording("reversed", "what", f"这里说的是什么：{value}？", name)
    yield Wording("reversed", "name", f"“{value}”指的是哪一个？", name)


def of_sentence(fact: Fact, dice: random.Random) -> Iterator[Wording]:
    """Wordings of a sentence with a gap; the question word stands in the gap, as is usual in Chinese."""
    before, after = split_gap(fact)
    value = fact.value.strip()
    found = quantities(value, "zh")
    asks = found[0].asks if found else ("什么",)
    whole = _sentence_end.sub("", after)
    first = re.split(r"[，。；]", after)[0]
    tails = [re.split(r"[。；]", after)[0], whole]
    if not _subordinate.search(first):
        tails.insert(0, first)
    direct: list[tuple[str, str]] = []
    for number, ask in enumerate(asks):
        for at, tail in enumerate(dict.fromkeys(tails)):
            direct.append((f"ask{number}_{at}", f"{before.rstrip()}{ask}{tail.strip()}？"))
    for name, question in direct:
        yield Wording("direct", name, question, value)
    for name, form, held in _LEADS:
        if fact.topic or "{t}" not in form:
            yield Wording(
                "direct", name, form.format(q=direct[-1 if held else 0][1], t=fact.topic), value, held
            )
    blank = f"{before}___{after}"
    yield Wording("cloze", "blank", f"填空：{blank}", value)
    yield Wording("cloze", "gap", f"空格里应该填什么？{blank}", value)
    yield Wording("cloze", "held_missing", f"这句话缺了一处：{blank}缺的是什么？", value, True)
    yield Wording("statement", "whole", f"说出完整的句子：{blank}", fact.statement)
    if fact.topic:
        yield Wording("reversed", "role", f"“{fact.topic}”里的“{value}”说的是什么？", fact.statement)
        yield Wording("statement", "role", f"“{fact.topic}”：关于{value}是怎么说的？", fact.statement)
    yield Wording("implication", "true", f"这样说对吗？{fact.statement}", f"对，是{value}。")
    wrong = wrong_quantity(value, dice)
    if wrong:
        yield Wording("implication", "false", f"这样说对吗？{before}{wrong}{after}", f"不对，是{value}。")


def of_step(fact: Fact, others: list[Fact]) -> Iterator[Wording]:
    """Wordings of a step of a procedure."""
    number = re.sub(r"\D", "", fact.relation)
    topic, value = f"“{fact.subject}”", fact.value
    for name, form, held in (
        ("what", "{t}的第 {n} 步是什么？", False),
        ("do", "{t}第 {n} 步做什么？", False),
        ("colon", "{t}，第 {n} 步？", False),
        ("give", "给出{t}的第 {n} 步。", False),
        ("reach", "{t}做到第 {n} 步了，现在该做什么？", False),
        ("tell", "请告诉我{t}的第 {n} 步。", False),
        ("how", "{t}的第 {n} 步怎么操作？", False),
        ("held_say", "能说说{t}第 {n} 步的内容吗？", True),
        ("held_number", "{t}里排在第 {n} 的操作是什么？", True),
    ):
        yield Wording("direct", name, form.format(n=number, t=topic), value, held)
    before = next((o for o in others if o.relation == f"第 {int(number) - 1} 步"), None)
    if before is not None and len(before.value) < 80:
        yield Wording("implication", "after", f"{topic}中我已经做完：{before.value}接下来呢？", value)
    yield Wording("cloze", "goes_on", f"{topic}第 {number} 步：{value[:6]}……", value)
    yield Wording(
        "statement", "sentence", f"连同序号说出{topic}的第 {number} 步。", f"第 {number} 步：{value}"
    )
    yield Wording("reversed", "which", f"这是{topic}的第几步：{value}", f"第 {number} 步")
    if others:
        yield Wording("list", "count", f"{topic}一共有几步？", f"{len(others) + 1} 步",
                      facts=tuple(o.id for o in others))  # fmt: skip


def of_written(fact: Fact) -> Iterator[Wording]:
    """Wordings of a question that a model wrote; `relation` is the question."""
    question, value = fact.relation, _value(fact)
    yield Wording("direct", "model", question, value)
    for name, form, held in _LEADS:
        if fact.topic or "{t}" not in form:
            yield Wording("direct", name, form.format(q=question, t=fact.topic), value, held)
    yield Wording("implication", "true", f"{question}是“{value}”吗？", f"对，是{value}。")
    yield Wording("statement", "quote", f"{question}请引用原句。", fact.statement)
    if value in fact.statement:
        yield Wording("cloze", "blank", f"填空：{fact.statement.replace(value, '___', 1)}", value)
