"""A small frozen set of general questions, each with its answer and three wrong ones, to see what training forgets.

Written for this project; two languages; nothing that changes with the years. Answers are short, so that a model
is judged by what it holds likely and not by how it words things. Never train on these.
"""

ENGLISH: tuple[tuple[str, str, str, str, str], ...] = (
    ("What is the capital of France?", "Paris", "Lyon", "Berlin", "Madrid"),
    ("What is the capital of Japan?", "Tokyo", "Seoul", "Beijing", "Bangkok"),
    ("How many days does a week have?", "Seven", "Five", "Ten", "Twelve"),
    ("How many legs does a spider have?", "Eight", "Six", "Four", "Ten"),
    ("Which planet do we live on?", "Earth", "Mars", "Venus", "Jupiter"),
    ("Which planet is the largest of our solar system?", "Jupiter", "Mercury", "Earth", "Mars"),
    ("What is frozen water called?", "Ice", "Steam", "Sand", "Oil"),
    ("What do bees make?", "Honey", "Milk", "Wool", "Salt"),
    ("What colour is the sky on a clear day?", "Blue", "Green", "Red", "Brown"),
    ("What is two plus two?", "Four", "Five", "Three", "Seven"),
    ("What is ten minus three?", "Seven", "Six", "Nine", "Two"),
    ("Which animal says meow?", "A cat", "A cow", "A dog", "A duck"),
    ("Which organ pumps the blood?", "The heart", "The liver", "The skin", "The stomach"),
    ("Which gas do we need to breathe?", "Oxygen", "Helium", "Neon", "Argon"),
    ("Who wrote Romeo and Juliet?", "William Shakespeare", "Isaac Newton", "Charles Darwin", "Mark Twain"),
    ("Which language is spoken in Brazil?", "Portuguese", "German", "Chinese", "Swedish"),
    ("What is the opposite of hot?", "Cold", "Warm", "Loud", "Heavy"),
    ("What comes after Monday?", "Tuesday", "Sunday", "Friday", "Saturday"),
    ("Which season comes after winter?", "Spring", "Autumn", "Summer", "Winter"),
    ("What do plants need to grow?", "Water and light", "Coins", "Music", "Plastic"),
    ("Which metal is attracted by a magnet?", "Iron", "Gold", "Silver", "Copper"),
    ("What is the chemical formula of water?", "H2O", "CO2", "NaCl", "O3"),
    ("On which continent is Egypt?", "Africa", "Europe", "Asia", "Australia"),
    ("How many minutes are in an hour?", "Sixty", "Thirty", "One hundred", "Twelve"),
)
CHINESE: tuple[tuple[str, str, str, str, str], ...] = (
    ("中国的首都是哪里？", "北京", "上海", "广州", "东京"),
    ("法国的首都是哪里？", "巴黎", "伦敦", "柏林", "罗马"),
    ("一个星期有几天？", "七天", "五天", "十天", "三天"),
    ("一年有几个月？", "十二个月", "十个月", "八个月", "二十个月"),
    ("水结成固体叫什么？", "冰", "油", "沙", "铁"),
    ("太阳从哪个方向升起？", "东方", "西方", "南方", "北方"),
    ("二加二等于几？", "四", "五", "七", "九"),
    ("蜜蜂酿造什么？", "蜂蜜", "牛奶", "盐", "酒精"),
    ("人用什么器官看东西？", "眼睛", "耳朵", "鼻子", "胃"),
    ("热的反义词是什么？", "冷", "大", "红", "快"),
    ("春天之后是什么季节？", "夏天", "冬天", "秋天", "春天"),
    ("我们居住在哪个行星上？", "地球", "火星", "木星", "金星"),
    ("鱼生活在哪里？", "水里", "天上", "火里", "沙漠里"),
    ("一小时有多少分钟？", "六十分钟", "十分钟", "一百分钟", "二十分钟"),
    ("世界上最高的山峰是哪座？", "珠穆朗玛峰", "泰山", "黄山", "富士山"),
    ("植物生长需要什么？", "阳光和水", "硬币", "塑料", "音乐"),
)
QUESTIONS = ENGLISH + CHINESE
