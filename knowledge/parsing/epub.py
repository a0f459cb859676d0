"""EPUB: chapters in reading order, each one a page that citations can name."""

import posixpath
import zipfile
from urllib.parse import unquote

from knowledge.documents import ParsedDocument
from knowledge.errors import UnreadableFileError
from knowledge.parsing.builder import DocumentBuilder
from knowledge.parsing.containers import check_container, parse_xml, read_entry
from knowledge.parsing.encodings import decode
from knowledge.parsing.html import add_html, declared_charset
from knowledge.parsing.request import Request

_CONTAINER = "{urn:oasis:names:tc:opendocument:xmlns:container}"
_OPF = "{http://www.idpf.org/2007/opf}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_NCX = "{http://www.daisy.org/z3986/2005/ncx/}"
_HTML_TYPES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")


def parse_epub(request: Request, builder: DocumentBuilder) -> ParsedDocument:
    """Read an EPUB book; its table of contents names the chapters."""
    check_container(request.path, request.name)
    with zipfile.ZipFile(request.path) as archive:
        try:
            container = parse_xml(
                read_entry(archive, "META-INF/container.xml", name=request.name), name=request.name
            )
            root_file = container.find(f".//{_CONTAINER}rootfile")
            opf_path = root_file.get("full-path") if root_file is not None else ""
            package = parse_xml(read_entry(archive, opf_path, name=request.name), name=request.name)
        except KeyError as err:
            raise UnreadableFileError("file_damaged", name=request.name, detail="no_book") from err
        folder = posixpath.dirname(opf_path)
        manifest = {
            item.get("id"): (posixpath.normpath(posixpath.join(folder, unquote(item.get("href", "")))), item)
            for item in package.iter(f"{_OPF}item")
        }
        labels = _labels(archive, manifest, request.name)
        for reference in package.iter(f"{_OPF}itemref"):
            path, item = manifest.get(reference.get("idref"), ("", None))
            if (
                item is None
                or item.get("media-type") not in _HTML_TYPES
                or "nav" in item.get("properties", "").split()
            ):
                continue
            try:
                data = read_entry(archive, path, name=request.name)
                markup, encoding, gaps = decode(data, name=request.name, declared=declared_charset(data))
            except (KeyError, UnreadableFileError):
                builder.notice("document_partly_read", part=path)
                continue
            builder.decoded(encoding, gaps)
            _add_chapter(builder, markup, labels.get(path))
        title = package.findtext(f".//{_DC}title") or ""
    return builder.build(title=title, media_type="application/epub+zip")


def _add_chapter(builder: DocumentBuilder, markup: str, label: str | None) -> None:
    """Add a chapter as a page; its first heading names it where the table of contents does not."""
    if label is None:
        draft = DocumentBuilder()
        title = add_html(draft, markup)
        document = draft.build()
        if not document.blocks:
            return
        headings = [block for block in document.blocks if block.kind == "heading"]
        label = headings[0].heading_path[-1] if headings else title or None
    builder.start_page(label, new_outline=True)
    add_html(builder, markup)


def _labels(archive: zipfile.ZipFile, manifest: dict[str, tuple[str, object]], name: str) -> dict[str, str]:
    """Read the chapters' titles from the NCX table of contents, by the path of their file."""
    for path, item in manifest.values():
        if getattr(item, "get", lambda _: "")("media-type") != "application/x-dtbncx+xml":
            continue
        try:
            ncx = parse_xml(read_entry(archive, path, name=name), name=name)
        except (KeyError, UnreadableFileError):
            return {}
        labels: dict[str, str] = {}
        for point in ncx.iter(f"{_NCX}navPoint"):
            content = point.find(f"{_NCX}content")
            words = point.findtext(f"{_NCX}navLabel/{_NCX}text")
            if content is not None and words:
                target = unquote(content.get("src", "").partition("#")[0])
                labels.setdefault(
                    posixpath.normpath(posixpath.join(posixpath.dirname(path), target)), words.strip()
                )
        return labels
    return {}
