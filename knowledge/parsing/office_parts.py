"""The parts of an Office Open XML file (DOCX, PPTX) and how they refer to one another."""

import posixpath
import zipfile
from typing import Any

from knowledge.errors import UnreadableFileError
from knowledge.parsing.containers import check_container, parse_xml, read_entry, refuse_entities
from knowledge.parsing.request import Request

_RELATION = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
DC_TITLE = "{http://purl.org/dc/elements/1.1/}title"


class OfficeParts:
    """An opened file; use as a context manager.

    Args:
        request: the file.

    Raises:
        UnreadableFileError: the container is broken, a bomb, or declares XML entities.
    """

    def __init__(self, request: Request) -> None:
        check_container(request.path, request.name)
        refuse_entities(request.path, request.name)
        self._name = request.name
        self._archive = zipfile.ZipFile(request.path)
        self._entries = set(self._archive.namelist())

    def __enter__(self) -> "OfficeParts":
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def root(self, part: str) -> Any:
        """Parse a part; None when the file has no such part."""
        if part not in self._entries:
            return None
        return parse_xml(read_entry(self._archive, part, name=self._name), name=self._name)

    def relations(self, part: str) -> dict[str, tuple[str, str]]:
        """What a part refers to inside the file: relation id to (last word of its type, path of the target)."""
        folder, file = posixpath.split(part)
        root = self.root(posixpath.join(folder, "_rels", f"{file}.rels"))
        found = {}
        for relation in root.iter(_RELATION) if root is not None else ():
            if relation.get("TargetMode") == "External":
                continue
            target = relation.get("Target", "")
            path = target.lstrip("/") if target.startswith("/") else posixpath.join(folder, target)
            kind = relation.get("Type", "").rpartition("/")[2]
            found[relation.get("Id", "")] = (kind, posixpath.normpath(path))
        return found

    def main_part(self, fallback: str) -> str:
        """Path of the part that the file is about.

        Raises:
            UnreadableFileError: it is missing.
        """
        for kind, path in self.relations("").values():
            if kind == "officeDocument" and path in self._entries:
                return path
        if fallback in self._entries:
            return fallback
        raise UnreadableFileError("file_damaged", name=self._name, detail="missing_part", part=fallback)

    def title(self) -> str:
        """The title in the file's properties, "" without one."""
        try:
            core = self.root("docProps/core.xml")
        except UnreadableFileError:
            return ""
        return (core.findtext(DC_TITLE) or "").strip() if core is not None else ""
