"""What people ask of nearly any thing, whether or not its documents tell: forms of words, and the words that would tell.

`finetune.facts.unknown` asks them of things the documents name and where none of those words stands near, so that a
model learns that a known name alone is no reason to answer.
"""

import re

from finetune.facts.material import Language

_ENGLISH: tuple[tuple[str, str], ...] = (
    ("What does {s} cost?", r"cost|price|€|\$|£|usd|eur"),
    ("What is the price of {s}?", r"cost|price|€|\$|£|usd|eur"),
    ("Is there a discount on {s}?", r"discount|price"),
    ("Where can I buy {s}?", r"buy|order|dealer|shop|sold"),
    ("How many of {s} have been sold so far?", r"sold|sales"),
    ("Who invented {s}?", r"invent|founded|created"),
    ("Who designed {s}?", r"design"),
    ("Who is in charge of {s}?", r"incharge|responsible"),
    ("In which year was {s} introduced?", r"introduced|since|launched|19\d\d|20\d\d"),
    ("In which country is {s} made?", r"madein|manufactured|assembled|country"),
    ("Which company makes {s}?", r"company|manufacturer|madeby|supplier"),
    ("Which colours does {s} come in?", r"colou?r"),
    ("What is {s} made of?", r"madeof|material|steel|plastic|wood|glass"),
    ("How heavy is {s}?", r"weigh|kg|gram|heavy"),
    ("How thick is {s}?", r"thick|mm|cm"),
    ("How loud is {s}?", r"loud|noise|db"),
    ("How long is the warranty on {s}?", r"warrant|guarant"),
    ("How long does {s} last on average?", r"last|life"),
    ("How much electricity does {s} use in a year?", r"electric|energy|power|kwh|watt"),
    ("What is the serial number of {s}?", r"serial"),
    ("What was {s} called before?", r"formerly|called|renamed"),
    ("Which firmware does {s} need?", r"firmware|software|version"),
    ("Does {s} work with a voice assistant?", r"voice|assistant"),
    ("Can I use {s} under water?", r"water|wet|ip\d\d"),
    ("Is {s} suitable for children?", r"child"),
    ("Can {s} be rented?", r"rent|hire|lease"),
    ("How does {s} compare with that of another maker?", r"compar|othermaker|competitor"),
    ("Which prize has {s} won?", r"prize|award"),
    ("Who wrote the text about {s}?", r"author|writtenby|wrote"),
    ("On which telephone number do I get help with {s}?", r"phone|call|hotline"),
)  # fmt: skip
_CHINESE: tuple[tuple[str, str], ...] = (
    ("{s}多少钱？", r"价格|售价|元|费用"),
    ("{s}的价格是多少？", r"价格|售价|元|费用"),
    ("{s}现在打折吗？", r"折|优惠|价"),
    ("在哪里可以买到{s}？", r"购买|买|订|经销|商店"),
    ("{s}到现在卖出了多少？", r"销量|售出|卖"),
    ("{s}是谁发明的？", r"发明|创立|创始"),
    ("{s}是谁设计的？", r"设计"),
    ("{s}由谁负责？", r"负责|主管"),
    ("{s}是哪一年推出的？", r"推出|发布|年"),
    ("{s}是在哪个国家生产的？", r"生产|制造|产地|国"),
    ("{s}是哪家公司生产的？", r"公司|厂|生产|制造"),
    ("{s}有哪些颜色？", r"颜色|色"),
    ("{s}是用什么材料做的？", r"材料|材质|钢|塑料|玻璃|木"),
    ("{s}有多重？", r"重|公斤|千克|克|kg"),
    ("{s}有多厚？", r"厚|毫米|厘米|mm|cm"),
    ("{s}的噪声有多大？", r"噪|分贝|db"),
    ("{s}保修多久？", r"保修|质保"),
    ("{s}一般能用多久？", r"寿命|使用期"),
    ("{s}一年用多少电？", r"电|功率|能耗|瓦"),
    ("{s}的序列号是多少？", r"序列号"),
    ("{s}以前叫什么名字？", r"曾用|原名|改名"),
    ("{s}需要哪个固件版本？", r"固件|软件|版本"),
    ("{s}能用语音助手控制吗？", r"语音"),
    ("{s}可以在水下使用吗？", r"水|防水"),
    ("{s}适合儿童使用吗？", r"儿童|孩子"),
    ("{s}可以租用吗？", r"租"),
    ("{s}和其他厂家的相比怎么样？", r"相比|对比|其他厂"),
    ("{s}得过什么奖？", r"奖"),
    ("关于{s}的文字是谁写的？", r"作者|编写|撰写"),
    ("{s}的咨询电话是多少？", r"电话|热线"),
)  # fmt: skip

Forms = tuple[tuple[str, re.Pattern[str]], ...]


def _with_patterns(forms: tuple[tuple[str, str], ...]) -> Forms:
    return tuple((form, re.compile(told, re.IGNORECASE)) for form, told in forms)


FORMS: dict[Language, Forms] = {"en": _with_patterns(_ENGLISH), "zh": _with_patterns(_CHINESE)}
"""For each language (question with `{s}` for the thing, pattern of what would tell, in text without white space)."""
