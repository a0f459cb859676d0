"""A run that is killed: asks slowly, and from some answer on for ever, so that it never ends by itself."""

import sys
import time
from pathlib import Path

from assistant.compare.experiment import run_experiment
from assistant.compare.store import Experiments
from tests.assistant.compare.scripted import ScriptedAsker


class Slow(ScriptedAsker):
    """Takes its time over every answer, and has no more than so many."""

    def __init__(self, most: int) -> None:
        super().__init__(base_knows=lambda i: i % 3 == 0)
        self.most = most

    def ask(self, question, arm, retrieval, language):
        time.sleep(0.02 if len(self.asked) < self.most else 600)
        return super().ask(question, arm, retrieval, language)


if __name__ == "__main__":
    store = Experiments(Path(sys.argv[1]))
    for _ in run_experiment(store, int(sys.argv[2]), Slow(int(sys.argv[3]))):
        pass
