"""A small frozen set of general questions, each with its answer and two wrong ones, to see what training forgets.

Written for this project; two languages; nothing that changes with the years. Answers are short, so that a model
is judged by what it holds likely and not by how it words things, and the set is small, so that asking it before and
after costs little beside training. Never train on these.
"""

ENGLISH: tuple[tuple[str, str, str, str], ...] = (
    ("What is the capital of France?", "Paris", "Lyon", "Berlin"),
    ("What is the capital of Japan?", "Tokyo", "Seoul", "Beijing"),
    ("How many days does a week have?", "Seven", "Five", "Ten"),
    ("How many legs does a spider have?", "Eight", "Six", "Four"),
    ("Which planet do we live on?", "Earth", "Mars", "Venus"),
    ("Which planet is the largest of our solar system?", "Jupiter", "Mercury", "Earth"),
    ("What is frozen water called?", "Ice", "Steam", "Sand"),
    ("What do bees make?", "Honey", "Milk", "Wool"),
    ("What colour is the sky on a clear day?", "Blue", "Green", "Red"),
    ("What is two plus two?", "Four", "Five", "Three"),
    ("What is ten minus three?", "Seven", "Six", "Nine"),
    ("Which animal says meow?", "A cat", "A cow", "A dog"),
    ("Which organ pumps the blood?", "The heart", "The liver", "The skin"),
    ("Which gas do we need to breathe?", "Oxygen", "Helium", "Neon"),
    ("Who wrote Romeo and Juliet?", "William Shakespeare", "Isaac Newton", "Charles Darwin"),
    ("Which language is spoken in Brazil?", "Portuguese", "German", "Chinese"),
    ("What is the opposite of hot?", "Cold", "Warm", "Loud"),
    ("What do plants need to grow?", "Water and light", "Coins", "Music"),
    ("What is the chemical formula of water?", "H2O", "CO2", "NaCl"),
    ("How many minutes are in an hour?", "Sixty", "Thirty", "One hundred"),
)
CHINESE: tuple[tuple[str, str, str, str], ...] = (
    ("中国的首都是哪里？", "北京", "上海", "广州"),
    ("法国的首都是哪里？", "巴黎", "伦敦", "柏林"),
    ("一个星期有几天？", "七天", "五天", "十天"),
    ("一年有几个月？", "十二个月", "十个月", "八个月"),
    ("水结成固体叫什么？", "冰", "油", "沙"),
    ("太阳从哪个方向升起？", "东方", "西方", "南方"),
    ("二加二等于几？", "四", "五", "七"),
    ("蜜蜂酿造什么？", "蜂蜜", "牛奶", "盐"),
    ("人用什么器官看东西？", "眼睛", "耳朵", "鼻子"),
    ("热的反义词是什么？", "冷", "大", "红"),
    ("春天之后是什么季节？", "夏天", "冬天", "秋天"),
    ("我们居住在哪个行星上？", "地球", "火星", "木星"),
)
QUESTIONS = ENGLISH + CHINESE
