"""ZIP containers (Office, EPUB, ODF) opened within limits, and their XML without entities."""

import zipfile
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from knowledge.errors import UnreadableFileError

_MAX_ENTRIES = 20_000
_MAX_TOTAL = 1 << 30
_MAX_ENTRY = 256 << 20
_MAX_RATIO = 200
_RATIO_FREE = 8 << 20


def check_container(path: Path, name: str) -> None:
    """Refuse a ZIP container that would unpack to much more than it is, before anything is unpacked.

    Raises:
        UnreadableFileError: it is a bomb, encrypted or broken.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as err:
        raise UnreadableFileError("file_damaged", name=name, detail="broken_zip") from err
    total = sum(entry.file_size for entry in entries)
    swollen = any(
        entry.file_size > _RATIO_FREE and entry.file_size > _MAX_RATIO * max(entry.compress_size, 1)
        for entry in entries
    )
    if len(entries) > _MAX_ENTRIES or total > _MAX_TOTAL or swollen:
        raise UnreadableFileError("file_bomb", name=name, megabytes=round(total / 1e6))
    if any(entry.flag_bits & 1 for entry in entries):
        raise UnreadableFileError("file_encrypted_office", name=name)


def read_entry(archive: zipfile.ZipFile, entry: str, *, name: str) -> bytes:
    """Read one entry.

    Raises:
        UnreadableFileError: it is larger than any real document's, or broken.
        KeyError: there is none of this name.
    """
    info = archive.getinfo(entry)
    if info.file_size > _MAX_ENTRY:
        raise UnreadableFileError("file_bomb", name=name, megabytes=round(info.file_size / 1e6))
    try:
        return archive.read(info)
    except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, NotImplementedError, ValueError) as err:
        raise UnreadableFileError("file_damaged", name=name, detail="broken_part", part=entry) from err
    except Exception as err:  # zlib.error and lzma's have no common base
        raise UnreadableFileError("file_damaged", name=name, detail="broken_part", part=entry) from err


def parse_xml(data: bytes, *, name: str) -> Any:
    """Parse XML without entities, external references or a document type.

    Returns:
        the root `xml.etree.ElementTree.Element`.

    Raises:
        UnreadableFileError: it is broken, or uses what only attacks use.
    """
    try:
        return fromstring(data, forbid_dtd=False, forbid_entities=True, forbid_external=True)
    except DefusedXmlException as err:
        raise UnreadableFileError("file_hostile_xml", name=name) from err
    except (ParseError, ValueError, LookupError) as err:
        raise UnreadableFileError("file_damaged", name=name, detail="broken_xml") from err


def refuse_entities(path: Path, name: str) -> None:
    """Refuse an Office file in which any XML part declares entities: no office program writes that.

    Raises:
        UnreadableFileError: one does.
    """
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if not entry.filename.endswith((".xml", ".rels", ".vml")):
                continue
            try:
                with archive.open(entry) as part:
                    head = part.read(64 << 10)
            except Exception as err:
                raise UnreadableFileError("file_damaged", name=name, detail="broken_zip") from err
            if b"<!ENTITY" in head or b"<!DOCTYPE" in head or b"<\0!\0E\0N\0T\0I\0T\0Y" in head:
                raise UnreadableFileError("file_hostile_xml", name=name)
