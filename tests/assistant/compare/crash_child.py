"""A run that is killed: asks slowly, so that the parent can kill it in the middle of both ways of asking."""

import sys
import time
from pathlib import Path

from assistant.compare.experiment import run_experiment
from assistant.compare.store import Experiments
from tests.assistant.compare.scripted import ScriptedAsker


class Slow(ScriptedAsker):
    """Takes its time over every answer."""

    def ask(self, question, arm, retrieval, language):
        time.sleep(0.02)
        return super().ask(question, arm, retrieval, language)


if __name__ == "__main__":
    store = Experiments(Path(sys.argv[1]))
    for _ in run_experiment(store, int(sys.argv[2]), Slow(base_knows=lambda i: i % 3 == 0)):
        pass
