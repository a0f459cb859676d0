"""The tables of experiments in the data folder's SQLite file, one step per version."""

MIGRATIONS = (
    (
        """CREATE TABLE experiment_run (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL,
            state TEXT NOT NULL,
            plan TEXT NOT NULL,
            questions TEXT NOT NULL,
            questions_sha256 TEXT NOT NULL,
            manifest TEXT NOT NULL,
            results TEXT,
            created_at REAL NOT NULL,
            finished_at REAL
        )""",
        """CREATE TABLE experiment_retrieval (
            run_id INTEGER NOT NULL REFERENCES experiment_run (id) ON DELETE CASCADE,
            question_id TEXT NOT NULL,
            seconds REAL NOT NULL,
            retrieval TEXT NOT NULL,
            scores TEXT NOT NULL,
            PRIMARY KEY (run_id, question_id)
        )""",
        """CREATE TABLE experiment_answer (
            run_id INTEGER NOT NULL REFERENCES experiment_run (id) ON DELETE CASCADE,
            question_id TEXT NOT NULL,
            arm TEXT NOT NULL,
            answer TEXT,
            error TEXT,
            warm INTEGER NOT NULL,
            memory_bytes INTEGER,
            energy_j REAL,
            scores TEXT NOT NULL,
            answered_at REAL NOT NULL,
            PRIMARY KEY (run_id, question_id, arm)
        )""",
    ),
    (
        "ALTER TABLE experiment_answer ADD COLUMN together INTEGER NOT NULL DEFAULT 1",
        """CREATE TABLE experiment_probe (
            run_id INTEGER NOT NULL REFERENCES experiment_run (id) ON DELETE CASCADE,
            question_id TEXT NOT NULL,
            arm TEXT NOT NULL,
            change TEXT NOT NULL,
            answer TEXT NOT NULL,
            facts TEXT NOT NULL,
            PRIMARY KEY (run_id, question_id, arm, change)
        )""",
        """CREATE TABLE experiment_judge (
            run_id INTEGER NOT NULL REFERENCES experiment_run (id) ON DELETE CASCADE,
            judge TEXT NOT NULL,
            card TEXT NOT NULL,
            PRIMARY KEY (run_id, judge)
        )""",
        """CREATE TABLE experiment_judgement (
            run_id INTEGER NOT NULL REFERENCES experiment_run (id) ON DELETE CASCADE,
            judge TEXT NOT NULL,
            question_id TEXT NOT NULL,
            first TEXT NOT NULL,
            second TEXT NOT NULL,
            facts TEXT NOT NULL,
            PRIMARY KEY (run_id, judge, question_id, first, second)
        )""",
    ),
    (
        """CREATE TABLE experiment_own_retrieval (
            run_id INTEGER NOT NULL REFERENCES experiment_run (id) ON DELETE CASCADE,
            question_id TEXT NOT NULL,
            arm TEXT NOT NULL,
            seconds REAL NOT NULL,
            retrieval TEXT NOT NULL,
            scores TEXT NOT NULL,
            PRIMARY KEY (run_id, question_id, arm)
        )""",
    ),
)
