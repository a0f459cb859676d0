"""What a file is, told by its content first and its name second."""

import re
import zipfile

from knowledge.errors import UnreadableFileError
from knowledge.parsing.request import Request

FORMATS: dict[str, str] = {
    ".csv": "csv", ".tsv": "csv", ".tab": "csv",
    ".docx": "docx", ".docm": "docx", ".dotx": "docx",
    ".eml": "mail",
    ".epub": "epub",
    ".htm": "html", ".html": "html", ".xhtml": "html", ".mht": "mail", ".mhtml": "mail",
    ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".markdown": "markdown", ".md": "markdown", ".mdx": "markdown", ".mkd": "markdown",
    ".odt": "odt",
    ".pdf": "pdf",
    ".pptx": "pptx", ".pptm": "pptx", ".ppsx": "pptx",
    ".rtf": "rtf",
    ".log": "text", ".rst": "text", ".srt": "text", ".tex": "text", ".text": "text", ".txt": "text", ".vtt": "text",
    ".xlsx": "xlsx", ".xlsm": "xlsx",
}  # fmt: skip
CODE_SUFFIXES = frozenset(
    ".bash .bat .c .cc .cfg .clj .conf .cpp .cs .css .dart .env .erl .ex .go .gradle .groovy .h .hpp .hs .ini "
    ".java .jl .js .jsx .kt .lua .m .mjs .php .pl .properties .proto .ps1 .py .r .rb .rs .scala .scss .sh .sql "
    ".swift .tf .toml .ts .tsx .vue .xml .xsd .yaml .yml .zig".split()
)
IMAGE_SUFFIXES = frozenset(".bmp .gif .jpeg .jpg .png .tif .tiff .webp".split())

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ARCHIVES = (
    b"\x1f\x8b", b"\x1f\x9d", b"\x1f\xa0", b"BZh", b"\xfd7zXZ\x00", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07",
    b"\x28\xb5\x2f\xfd", b"\x5d\x00\x00",
)  # fmt: skip
_IMAGES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*")
_MAIL = re.compile(rb"\A(?:[A-Za-z][A-Za-z0-9-]*:[^\n]*\n(?:[ \t][^\n]*\n)*){2,}", re.IGNORECASE)
_MAIL_FIELD = re.compile(
    rb"^(?:from|to|subject|received|message-id|mime-version|date|return-path):", re.I | re.M
)
_HTML = re.compile(
    rb"\A[\s\xef\xbb\xbf]*(?:<!--.*?-->\s*)?<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)
_LEGACY_STREAMS = (
    ("WordDocument", ".doc", "DOCX"),
    ("PowerPoint Document", ".ppt", "PPTX"),
    ("Workbook", ".xls", "XLSX"),
    ("Book", ".xls", "XLSX"),
    ("__substg1.0_", ".msg", "EML"),
)


def detect(request: Request) -> str:
    """Return the format to read the file as, a key of `knowledge.parsing.formats.PARSERS`.

    Raises:
        UnreadableFileError: it is encrypted, an archive, in an old binary format, or of an unknown type.
    """
    with request.path.open("rb") as file:
        head = file.read(8192)
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith(_OLE):
        raise _ole_refusal(request)
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        return _zip_format(request)
    if head.startswith(b"{\\rtf"):
        return "rtf"
    if head.startswith(_IMAGES) or (head[:2] == b"BM" and request.suffix in IMAGE_SUFFIXES):
        return "image"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image"
    if head.startswith(_ARCHIVES) or head[257:262] == b"ustar":
        raise UnreadableFileError("file_archive", name=request.name)
    return _text_format(request, head)


def _text_format(request: Request, head: bytes) -> str:
    """Tell the text formats apart; binary content is found out when it is decoded."""
    suffix = request.suffix
    named = FORMATS.get(suffix)
    if named in ("docx", "pptx", "xlsx", "epub", "odt", "pdf", "rtf"):
        # The name promises a container, the content is none.
        raise UnreadableFileError(
            "file_damaged", name=request.name, detail="not_of_type", type=suffix[1:].upper()
        )
    if suffix in IMAGE_SUFFIXES:
        raise UnreadableFileError("file_damaged", name=request.name, detail="not_a_picture")
    if named and named != "text":
        return named
    if suffix in CODE_SUFFIXES:
        return "code"
    if _HTML.match(head):
        return "html"
    if suffix not in (".txt", ".text", ".log") and _MAIL.match(head) and len(_MAIL_FIELD.findall(head)) >= 3:
        return "mail"
    return "text" if named else "unknown"


def _ole_refusal(request: Request) -> UnreadableFileError:
    """Say which old Office format it is, or that it is a new one, encrypted."""
    data = request.path.read_bytes()
    if "EncryptedPackage".encode("utf-16-le") in data:
        return UnreadableFileError("file_encrypted_office", name=request.name)
    for stream, suffix, modern in _LEGACY_STREAMS:
        if stream.encode("utf-16-le") in data:
            return UnreadableFileError("file_legacy", name=request.name, suffix=suffix, modern=modern)
    return UnreadableFileError("file_unsupported", name=request.name, suffix=request.suffix or "OLE")


def _zip_format(request: Request) -> str:
    """Tell what a ZIP container holds."""
    try:
        with zipfile.ZipFile(request.path) as archive:
            names = set(archive.namelist())
            mimetype = ""
            if "mimetype" in names and archive.getinfo("mimetype").file_size < 200:
                mimetype = archive.read("mimetype").decode("ascii", "replace").strip()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, EOFError) as err:
        raise UnreadableFileError("file_damaged", name=request.name, detail="broken_zip") from err
    if mimetype == "application/epub+zip" or ("META-INF/container.xml" in names and not mimetype):
        return "epub"
    if mimetype.startswith("application/vnd.oasis.opendocument.text"):
        return "odt"
    if mimetype == "application/x-ibooks+zip":
        return "epub"
    if "[Content_Types].xml" in names:
        for folder, name in (("word/", "docx"), ("ppt/", "pptx"), ("xl/", "xlsx")):
            if any(entry.startswith(folder) for entry in names):
                return name
    if FORMATS.get(request.suffix) in ("docx", "pptx", "xlsx", "epub", "odt"):
        raise UnreadableFileError(
            "file_damaged", name=request.name, detail="not_of_type", type=request.suffix[1:].upper()
        )
    if mimetype.startswith("application/vnd.oasis.opendocument"):
        raise UnreadableFileError("file_unsupported", name=request.name, suffix=request.suffix or mimetype)
    raise UnreadableFileError("file_archive", name=request.name)
