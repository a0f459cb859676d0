"""One subject's tables: versions, transactions, and what is said of a file that cannot be used."""

from pathlib import Path

import pytest

from assistant.errors import AssistantError
from assistant.tables import Tables

ONE = (("CREATE TABLE pears (name TEXT NOT NULL)", "INSERT INTO pears VALUES ('first')"),)
TWO = (*ONE, ("ALTER TABLE pears ADD COLUMN weight REAL NOT NULL DEFAULT 0.2",))


def open_tables(database: Path, migrations: tuple[tuple[str, ...], ...], subject: str = "pear") -> Tables:
    return Tables(
        database,
        f"{subject}_schema",
        migrations,
        unreadable=lambda file, reason: AssistantError("votes_unreadable", file=file, reason=reason),
    )


def test_each_migration_is_made_once_and_in_order(tmp_path: Path) -> None:
    database = tmp_path / "tandem.db"
    open_tables(database, ONE).close()
    open_tables(database, ONE).close()
    tables = open_tables(database, TWO)
    assert tables.rows("SELECT name, weight FROM pears") == [("first", 0.2)]
    tables.close()


def test_a_migration_that_fails_leaves_the_version_before_it(tmp_path: Path) -> None:
    database = tmp_path / "tandem.db"
    open_tables(database, ONE).close()
    broken = (*ONE, ("INSERT INTO pears VALUES ('second')", "INSERT INTO plums VALUES (1)"))
    with pytest.raises(AssistantError):
        open_tables(database, broken)
    tables = open_tables(database, TWO)
    assert tables.rows("SELECT name FROM pears") == [("first",)]
    tables.close()


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    database = tmp_path / "tandem.db"
    open_tables(database, TWO).close()
    before = database.read_bytes()
    with pytest.raises(AssistantError) as caught:
        open_tables(database, ONE)
    assert caught.value.code == "database_newer"
    assert str(database) in caught.value.text("zh")
    assert database.read_bytes() == before
    other = open_tables(database, ONE[:0], "plum")  # another subject's version is its own
    other.close()


def test_a_transaction_is_whole_or_nothing(tmp_path: Path) -> None:
    tables = open_tables(tmp_path / "tandem.db", ONE)

    def add_and_fail() -> None:
        with tables.writing() as db:
            db.execute("INSERT INTO pears VALUES ('second')")
            db.execute("INSERT INTO plums VALUES (1)")

    with pytest.raises(AssistantError):
        add_and_fail()
    with tables.reading() as db:
        assert db.execute("SELECT count(*) FROM pears").fetchone() == (1,)
    tables.close()


def test_a_full_disk_is_told_and_the_next_transaction_begins_afresh(tmp_path: Path) -> None:
    tables = open_tables(tmp_path / "tandem.db", ONE)
    ((pages,),) = tables.rows("PRAGMA page_count")
    tables.rows(f"PRAGMA max_page_count = {pages + 2}")

    def add(name: str) -> None:
        with tables.writing() as db:
            db.execute("INSERT INTO pears VALUES (?)", (name,))

    with pytest.raises(AssistantError) as caught:
        add("x" * 100_000)
    assert "full" in caught.value.text()
    add("second")
    assert tables.rows("SELECT name FROM pears ORDER BY rowid") == [("first",), ("second",)]
    tables.close()


def test_deleted_text_is_in_no_file(tmp_path: Path) -> None:
    database = tmp_path / "tandem.db"
    tables = open_tables(database, ONE)
    with tables.writing() as db:
        db.execute("INSERT INTO pears VALUES ('Conference, unmistakable')")
    with tables.writing() as db:
        db.execute("DELETE FROM pears")
    tables.empty_log()
    assert not any(b"unmistakable" in file.read_bytes() for file in tmp_path.iterdir())
    tables.close()
