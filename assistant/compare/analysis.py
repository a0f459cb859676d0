"""From stored scores to results: plain dicts that the report, the page and the command line read alike."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from assistant.compare.contrasts import gate, other_pairs, pair, pairs, question_meter, two_by_two
from assistant.compare.losses import retrieval_losses
from assistant.compare.records import Experiment, StoredAnswer, StoredRetrieval
from assistant.compare.score_table import Table
from assistant.compare.summaries import (
    arm_summary,
    group_summary,
    retrieval_summary,
    strata,
    training_costs,
)
from assistant.compare.verdict import pair_word, verdict

VERSION = 4
"""Of what `analyse` tells; results kept by another version are worked out anew when they are read."""


def analyse(
    experiment: Experiment,
    answers: Iterable[StoredAnswer],
    retrievals: Mapping[str, StoredRetrieval],
    own: Mapping[tuple[str, str], StoredRetrieval],
) -> dict[str, Any]:
    """Everything that is said about an experiment, as plain JSON.

    Args:
        own: what arms with a look-up of their own found, by question and arm.

    The same answers give the same numbers: all resampling is seeded by the plan.
    """
    table = Table(experiment, answers)
    plan = experiment.plan
    results: dict[str, Any] = {
        "version": VERSION,
        "questions": len(experiment.questions),
        "answerable": sum(question.answerable for question in experiment.questions),
        "clustered_by": table.clustered_by,
        "arms": {arm: arm_summary(table, arm) for arm in plan.arms},
        "groups": {name: group_summary(table, name) for name in table.groups},
        "retrieval": retrieval_summary(table, retrievals),
        "own_retrieval": {
            arm: retrieval_summary(table, {name: found for (name, one), found in own.items() if one == arm})
            for arm in plan.arms
            if any(one == arm for _, one in own)
        },
        "primary": plan.primary,
        "contrast": pair(table, *plan.contrast, plan.primary),
        "pairs": pairs(table),
        "others": other_pairs(table),
        "gate": gate(table),
        "factorial": two_by_two(table, plan.primary),
        "strata": strata(table),
        "meter": question_meter(table),
        "losses": retrieval_losses(
            experiment,
            table.answers,
            lambda arm, q: table.score(arm, plan.primary, q).value,
            retrievals,
            own,
        ),
        "training": training_costs(table),
    }
    for entry in results["pairs"]:
        entry["word"] = pair_word(entry, results)
    said = verdict(results)
    results["verdict"] = {
        "word": said.word,
        "sentences": [asdict(sentence) for sentence in (said.headline, *said.details)],
    }
    return results
