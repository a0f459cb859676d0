"""Small documents for the tests: Markdown in, a document as `finetune.facts` takes it out."""

import re

from finetune.facts.material import Piece, SourceChunk, SourceDocument


def document(text: str, *, number: int = 1, name: str = "manual.md", title: str = "Manual") -> SourceDocument:
    """Cut a little Markdown into pieces; each section is a chunk."""
    pieces: list[Piece] = []
    chunks: list[SourceChunk] = []
    heading: tuple[str, ...] = ()
    at = 0
    for block in re.split(r"\n\n+", text.strip()):
        start = text.index(block, at)
        at = start + len(block)
        if block.startswith("#"):
            heading = (block.lstrip("# "),)
            pieces.append(Piece("heading", block.lstrip("# "), start, heading))
            continue
        kind = (
            "table" if block.startswith("|") else "list" if re.match(r"(?:-|\d+\.) ", block) else "paragraph"
        )
        pieces.append(Piece(kind, block, start, heading))
        chunks.append(SourceChunk(100 * number + len(chunks), block, start, at, heading, 1))
    return SourceDocument(number, name, tuple(pieces), tuple(chunks), title)


ENGLISH = document(
    """# 1 Programs

| No. | Program | Temperature | Humidity |
| --- | --- | --- | --- |
| P01 | Yogurt | 42.5 °C | – |
| P02 | Kefir | 24.0 °C | 60 % |
| P03 | Tempeh | 31.0 °C | 72 % |

# 2 Warnings

| Code | Meaning | What to do |
| --- | --- | --- |
| E-03 | Sensor interrupted | check connector X7 |
| E-07 | Chamber too hot | open the door |

# 3 The tank

The tank holds 1.35 L of water. Mistwick is a felt wick that moistens the air. Wait for 25 minutes before you open it.

# 4 Filling

1. Pull the tank forward by its grip.
2. Fill it to the line.
3. Push the tank back.

# 5 Data

- Load per tray: 4.2 kg
- Protection class: I
"""
)
CHINESE = document(
    """# 1 程序

| 编号 | 程序 | 温度 |
| --- | --- | --- |
| P01 | 酸奶 | 42.5 ℃ |
| P02 | 开菲尔 | 24.0 ℃ |
| P03 | 丹贝 | 31.0 ℃ |

# 2 水箱

加水至刻线，水箱容量为 1.35 L。雾芯是一种蒸发式加湿器，装在水箱中。停机后至少等待 25 分钟再打开箱门。

# 3 给水箱加水

1. 握住提手向前拉水箱。
2. 加水至刻线。
3. 把水箱推回去。
""",
    number=2,
    name="手册.md",
    title="手册",
)
