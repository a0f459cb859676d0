"""One process owns a data folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from assistant.errors import DataFolderError
from assistant.locking import DataFolderLock, lock_owner

HOLD = """
import sys
from pathlib import Path
from assistant.locking import DataFolderLock
lock = DataFolderLock(Path(sys.argv[1]), purpose="the page at port 9")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_refused_with_one_line_that_names_the_first(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(DataFolderError) as caught:
            DataFolderLock(tmp_path, purpose="test")
        owner = lock_owner(tmp_path)
        assert owner is not None
        assert owner["pid"] == other.pid
        for language in ("en", "zh"):
            text = caught.value.text(language)
            assert str(other.pid) in text
            assert "the page at port 9" in text
            assert "\n" not in text
        other.kill()
    # The operating system lets go of a killed process's lock.
    lock = DataFolderLock(tmp_path, purpose="test")
    lock.release()
    lock.release()
    assert lock_owner(tmp_path) is None


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataFolderError) as caught:
        DataFolderLock(tmp_path / "file" / "below", purpose="test")
    assert "TANDEM_DATA_DIR" in caught.value.text("zh")
