"""Trackers of experiments (`report_to`): they write into the run's folder, stay offline until somebody has logged in,
and never ask on a terminal that nobody watches. Our own metrics.jsonl is written whatever they do.
"""

import importlib.util
import os
from pathlib import Path

from finetune.errors import TrainingError
from finetune.processes import is_first

KEYS = {"swanlab": "SWANLAB_API_KEY", "wandb": "WANDB_API_KEY"}
LOGINS = {"swanlab": (".swanlab/.netrc",), "wandb": (".netrc", "_netrc")}
"""Where, in the home folder, a login leaves its trace."""
HOSTS = {"wandb": "wandb"}
"""What such a file must mention, where other programs share it."""
PLACES = {"swanlab": "SWANLAB_LOG_DIR", "wandb": "WANDB_DIR", "tensorboard": "TENSORBOARD_LOGGING_DIR"}

PROJECT = "tandem"


def names(report_to: str) -> list[str]:
    """The trackers that are asked for."""
    return [part for part in (piece.strip() for piece in report_to.split(",")) if part not in ("", "none")]


def check_trackers(report_to: str) -> None:
    """Raise `TrainingError` for a tracker that is not installed."""
    for tracker in names(report_to):
        if importlib.util.find_spec(tracker) is None:
            raise TrainingError("tracker_missing", tracker=tracker)


def prepare_trackers(report_to: str, folder: Path) -> None:
    """Set the environment in which the trackers will find what they need; what the user has set stands.

    Args:
        folder: of the run; each tracker writes below `trackers`.
    """
    check_trackers(report_to)
    for tracker in names(report_to):
        if tracker in PLACES:
            place = folder / "trackers" / tracker
            place.mkdir(parents=True, exist_ok=True)
            os.environ.setdefault(PLACES[tracker], str(place))
        if tracker in KEYS and not _logged_in(tracker):
            os.environ.setdefault(f"{tracker.upper()}_MODE", "offline")
        if tracker == "wandb":
            os.environ.setdefault("WANDB_PROJECT", PROJECT)
        if tracker == "swanlab" and is_first():
            _open_swanlab(folder)


def _open_swanlab(folder: Path) -> None:
    """Begin SwanLab's run: transformers asks first whether there is one, which from 0.10 on is an error where there
    is none.
    """
    import swanlab

    swanlab.init(
        project=PROJECT,
        name=folder.name,
        mode=os.environ.get("SWANLAB_MODE"),
        log_dir=os.environ["SWANLAB_LOG_DIR"],
    )


def _logged_in(tracker: str) -> bool:
    if KEYS[tracker] in os.environ:
        return True
    for name in LOGINS[tracker]:
        try:
            text = (Path.home() / name).read_text("utf-8", errors="replace")
        except OSError:
            continue
        if HOSTS.get(tracker, "") in text:
            return True
    return False
