"""What becomes of a comparison: votes to a dataset that page Train lists, an answer to a conversation on page Ask."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from assistant.arms import to_json
from assistant.compare.vote_exports import corrected_rows, liked_rows, preference_rows, rows_json
from assistant.compare.votes import Ballot, ShownAnswer
from assistant.errors import AssistantError
from finetune.run_folder import write_json
from knowledge.documents import Retrieval

if TYPE_CHECKING:
    from assistant.conversations import Conversations
    from assistant.training.datasets import Datasets, KeptDataset

RowKind = Literal["corrected", "preferences", "likes"]
ROWS: dict[RowKind, Callable[[Iterable[Ballot]], list[dict[str, Any]]]] = {
    "corrected": corrected_rows,
    "preferences": preference_rows,
    "likes": liked_rows,
}
PROVENANCE = "provenance.json"


def votes_to_dataset(
    datasets: "Datasets", ballots: Sequence[Ballot], kind: RowKind, *, name: str
) -> "KeptDataset":
    """Keep rows made of votes as a dataset to train on.

    Beside the rows stands a `provenance.json`: the votes they were made of and the records of all answers that were
    judged, so that it can be told later which weights and prompts the judged answers came from.

    Args:
        name: what page Train calls it.

    Raises:
        AssistantError: these votes make no such rows.
    """
    rows = ROWS[kind](ballots)
    if not rows:
        raise AssistantError("votes_without_rows")
    kept = datasets.add_files([(f"{name}.json", rows_json(rows).encode())])
    used = {row["provenance"]["vote"] for row in rows}
    write_json(
        datasets.folder / kept.id / PROVENANCE,
        {
            "made_from": "votes",
            "rows": kind,
            "made_at": time.time(),
            "votes": [
                {
                    "id": ballot.id,
                    "question": ballot.question,
                    "verdict": ballot.verdict,
                    "best": ballot.best,
                    "blind": ballot.blind,
                    "voted_at": ballot.voted_at,
                    "bases": list(ballot.base_names),
                    "answers": [
                        {"arm": column.arm, "record": to_json(column.answer.record)}
                        for column in ballot.judged
                        if column.answer is not None
                    ],
                }
                for ballot in ballots
                if ballot.id in used
            ],
        },
    )
    return kept


def answer_to_conversation(
    conversations: "Conversations",
    question: str,
    column: ShownAnswer,
    *,
    retrieval: Retrieval | None,
    base_names: Sequence[str],
) -> int:
    """Begin a conversation with one column's question and answer; further questions go to its arm.

    Returns:
        The conversation's number.

    Raises:
        ValueError: the column has no answer.
        ConversationError: it cannot be written.
    """
    if column.answer is None:
        raise ValueError(f"arm {column.arm} has no answer")
    number = conversations.create("")
    conversations.add_turn(
        number,
        question,
        {column.arm: column.answer},
        retrievals={} if retrieval is None else {column.arm: retrieval},
        base_names=base_names,
        settings={"from": "compare"},
    )
    return number
