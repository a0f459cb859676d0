"""Cuts the characters that a volume needs out of Noto Sans CJK and turns them into TrueType.

Chromium can embed only TrueType outlines as a real font; the outlines of the collection as it is installed
become hundreds of drawings, and a Chinese PDF four times as large.
"""

from pathlib import Path

from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTCollection, TTFont, newTable

COLLECTION = "NotoSansCJK-{weight}.ttc"
FACES = {400: ("Regular", "Noto Sans CJK SC"), 700: ("Bold", "Noto Sans CJK SC Bold")}
# Kerning, and the half-width punctuation with which Chromium sets Chinese.
FEATURES = ["kern", "halt", "chws"]


def write_fonts(text: str, folder: Path, *, fonts: Path) -> str:
    """Write one TrueType file per weight into `folder`.

    Args:
        text: every character that will be set.
        folder: where the files go.
        fonts: the folder with the installed collections of `fonts-noto-cjk`.

    Returns:
        The style rules that name the files as the family "Manual".

    Raises:
        FileNotFoundError: a collection is not in `fonts`.
    """
    rules = []
    for weight, (name, full_name) in FACES.items():
        collection = TTCollection(fonts / COLLECTION.format(weight=name), lazy=True)
        font = next(face for face in collection.fonts if face["name"].getDebugName(4) == full_name)
        options = Options(layout_features=FEATURES, name_IDs=[1, 2, 4, 6], notdef_outline=True, hinting=False)
        subsetter = Subsetter(options)
        subsetter.populate(text=text)
        subsetter.subset(font)
        _to_truetype(font)
        font.recalcTimestamp = False
        target = folder / f"{name}.ttf"
        font.save(target)
        rules.append(
            f'@font-face {{ font-family: Manual; font-weight: {weight}; src: url("{target.as_uri()}"); }}'
        )
    return "\n".join(rules)


def _to_truetype(font: TTFont) -> None:
    """Replace the cubic outlines of a font by quadratic ones, at most one unit in a thousand away."""
    order = font.getGlyphOrder()
    outlines = font.getGlyphSet()
    glyphs = {}
    for name in order:
        pen = TTGlyphPen(None)
        outlines[name].draw(Cu2QuPen(pen, max_err=1.0, reverse_direction=True))
        glyphs[name] = pen.glyph()
    font["loca"] = newTable("loca")
    font["glyf"] = newTable("glyf")
    font["glyf"].glyphOrder = order
    font["glyf"].glyphs = glyphs
    for name in order:
        glyph = glyphs[name]
        glyph.recalcBounds(font["glyf"])
        font["hmtx"][name] = (font["hmtx"][name][0], getattr(glyph, "xMin", 0))
    maximum = font["maxp"]
    maximum.tableVersion = 0x00010000
    for field in ("TwilightPoints", "Storage", "FunctionDefs", "InstructionDefs", "StackElements"):
        setattr(maximum, f"max{field}", 0)
    maximum.maxZones = 1
    maximum.maxSizeOfInstructions = maximum.maxComponentElements = 0
    for table in ("CFF ", "VORG"):
        if table in font:
            del font[table]
    font["post"].formatType = 3.0
    font.sfntVersion = "\x00\x01\x00\x00"
