"""Files uploaded through the page, kept until they are indexed."""

from collections.abc import Iterable
from pathlib import Path

from assistant.jobs import Job, Jobs


def uploads_wanted(job: Job) -> list[Path]:
    """The files that a job was given."""
    return [Path(path) for path, _ in job.arguments.get("inputs", [])]


def remove_uploads(folder: Path, paths: Iterable[Path]) -> None:
    """Remove those of `paths` that lie in the uploads folder; a user's own files stay."""
    for path in paths:
        if path.parent == folder:
            path.unlink(missing_ok=True)


def sweep_uploads(folder: Path, jobs: Jobs) -> None:
    """Remove what a crash left in the uploads, but not what an interrupted job still wants."""
    wanted = {path for job in jobs.latest(limit=10_000) for path in uploads_wanted(job)}
    if folder.is_dir():
        remove_uploads(folder, set(folder.iterdir()) - wanted)


def safe_suffix(name: str) -> str:
    """A file name's ending, if it is a harmless one, else ""."""
    suffix = Path(name).suffix.lower()
    return suffix if suffix[1:].isalnum() and suffix.isascii() and len(suffix) <= 10 else ""
