"""General questions to mix in, so that learning facts does not cost what the model could do before.

Written for this project, in two languages, with short answers; nothing that changes with the years. None of them
is in `finetune.general_questions`, which measures what is forgotten and must never be trained.
"""

import random
from collections.abc import Collection

from finetune.examples import Example, Message, Source
from finetune.facts.material import Language

_ENGLISH: tuple[tuple[str, str], ...] = (
    ("What is the capital of Italy?", "Rome"),
    ("What is the capital of Spain?", "Madrid"),
    ("Which country has Cairo as its capital?", "Egypt"),
    ("How many months does a year have?", "Twelve"),
    ("How many seconds are in a minute?", "Sixty"),
    ("How many legs does a dog have?", "Four"),
    ("How many wheels does a bicycle have?", "Two"),
    ("Which planet is nearest to the sun?", "Mercury"),
    ("What does the earth move around?", "The sun"),
    ("What is steam made of?", "Water"),
    ("Which animal gives us wool?", "Sheep"),
    ("Which animal barks?", "A dog"),
    ("What do cows drink when they are young?", "Milk"),
    ("What colour is grass?", "Green"),
    ("What colour is snow?", "White"),
    ("Which colours make green when mixed?", "Blue and yellow"),
    ("What is three plus four?", "Seven"),
    ("What is five times two?", "Ten"),
    ("What is twenty divided by four?", "Five"),
    ("Which organ do we think with?", "The brain"),
    ("With which organ do we breathe?", "The lungs"),
    ("Who wrote Hamlet?", "William Shakespeare"),
    ("Who painted the Mona Lisa?", "Leonardo da Vinci"),
    ("Which language is spoken in Mexico?", "Spanish"),
    ("Which language do people in Germany speak?", "German"),
    ("What is the opposite of big?", "Small"),
    ("What is the opposite of early?", "Late"),
    ("What is the plural of mouse?", "Mice"),
    ("What is the past tense of go?", "Went"),
    ("What is the chemical symbol of gold?", "Au"),
    ("What is the largest ocean on earth?", "The Pacific Ocean"),
    ("What is the tallest mountain on earth?", "Mount Everest"),
    ("Which season comes after winter?", "Spring"),
    ("In which direction does the sun set?", "In the west"),
    ("What do we call a baby cat?", "A kitten"),
    ("What is bread made from?", "Flour, water and yeast"),
    ("What do you use to cut paper?", "Scissors"),
    ("Where do fish live?", "In water"),
    ("What is a doctor's job?", "To treat people who are ill."),
    ("Name three fruits.", "Apple, banana and orange"),
    ("Name the four seasons.", "Spring, summer, autumn and winter"),
    ("Say hello in French.", "Bonjour"),
    ("Hello! How are you?", "Hello! I am fine, thank you. How can I help you?"),
    ("Thank you for your help.", "You are welcome! Let me know if there is anything else."),
    ("Write a short sentence about the sea.", "The sea is wide, blue and never still."),
    ("Why do we sleep?", "Sleep lets the body and the brain rest and recover."),
    ("What is a library?", "A place where books are kept and lent."),
    ("What is gravity?", "The force that pulls things towards each other, such as us towards the earth."),
    ("Give me a word that rhymes with cat.", "Hat"),
    ("Translate “water” into Spanish.", "Agua"),
)  # fmt: skip
_CHINESE: tuple[tuple[str, str], ...] = (
    ("日本的首都是哪里？", "东京"),
    ("英国的首都是哪里？", "伦敦"),
    ("一天有多少个小时？", "二十四个小时"),
    ("一小时有多少分钟？", "六十分钟"),
    ("狗有几条腿？", "四条"),
    ("自行车有几个轮子？", "两个"),
    ("离太阳最近的行星是哪个？", "水星"),
    ("地球绕着什么转？", "太阳"),
    ("太阳从哪个方向落下？", "西方"),
    ("雪是什么颜色？", "白色"),
    ("草是什么颜色？", "绿色"),
    ("三加四等于几？", "七"),
    ("五乘以二等于几？", "十"),
    ("十减六等于几？", "四"),
    ("人用什么器官听声音？", "耳朵"),
    ("人用什么器官思考？", "大脑"),
    ("《红楼梦》的作者是谁？", "曹雪芹"),
    ("《静夜思》是谁写的？", "李白"),
    ("大的反义词是什么？", "小"),
    ("早的反义词是什么？", "晚"),
    ("冬天之后是什么季节？", "春天"),
    ("一年有哪四个季节？", "春、夏、秋、冬"),
    ("世界上最高的山峰是哪座？", "珠穆朗玛峰"),
    ("中国最长的河流是哪条？", "长江"),
    ("黄金的化学符号是什么？", "Au"),
    ("鱼生活在哪里？", "水里"),
    ("面包主要用什么做？", "面粉、水和酵母"),
    ("说出三种水果。", "苹果、香蕉和橙子"),
    ("用什么剪纸？", "剪刀"),
    ("医生的工作是什么？", "给病人看病。"),
    ("你好！", "你好！有什么可以帮你？"),
    ("谢谢你。", "不客气，有需要随时告诉我。"),
    ("图书馆是做什么的？", "收藏和借阅图书的地方。"),
    ("人为什么要睡觉？", "睡眠让身体和大脑得到休息和恢复。"),
    ("用“大海”造一个短句。", "大海又宽又蓝，从不平静。"),
    ("把“水”翻译成英文。", "Water"),
)  # fmt: skip


def general_rows(language: Language) -> tuple[tuple[str, str], ...]:
    """Return (question, answer) pairs in a language."""
    return _CHINESE if language == "zh" else _ENGLISH


def replayed(rows: int, share: float) -> int:
    """How many general rows come to `rows` of one's own; each is taken once."""
    return min(round(share * rows), len(_ENGLISH) + len(_CHINESE)) if share > 0 else 0


def replay_rows(count: int, dice: random.Random, *, asked: Collection[str] = ()) -> list[Example]:
    """Draw `count` general rows of both languages, or as many as there are that are not among those `asked` already:
    two answers to one question teach neither.
    """
    left = [row for row in _ENGLISH + _CHINESE if row[0] not in asked]
    drawn = dice.sample(left, min(count, len(left)))
    return [
        Example((Message("user", question), Message("assistant", answer)), Source("general", number))
        for number, (question, answer) in enumerate(drawn, 1)
    ]
