"""Who may be a judge: a chat model of this machine, or any OpenAI-compatible server; and a run of one."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from statistics import fmean
from typing import TYPE_CHECKING, Any

from assistant.compare.experiment import Answered, Began, Ended, ExperimentEvent
from assistant.compare.judge import Judge, compare_pair, examine
from assistant.compare.questions import FEWEST, clusters_of
from assistant.compare.records import StoredJudgement
from assistant.compare.statistics import compare_paired
from assistant.compare.store import Experiments
from assistant.compare.votes import Ballot
from assistant.errors import ExperimentError

if TYPE_CHECKING:
    from assistant.settings import Settings

_FEWEST_MASS = 0.01
"""Where the letters together are less likely than this, the model is not answering the question."""


class LocalJudge:
    """A chat model of this machine, loaded beside the engine that answers.

    Args:
        name: as `tandem models` knows it.

    Raises:
        ModelUnavailableError: it cannot be found, fetched or loaded.
    """

    def __init__(self, name: str, settings: "Settings") -> None:
        from assistant.models import fetch
        from finetune.models import load_model

        self.name = name
        loaded: Any = load_model(fetch(name, settings), device=settings.models.device)
        self._model, self._tokenizer = loaded.model, loaded.tokenizer
        self._ids: dict[str, list[int]] = {}

    def chances(self, prompt: str, letters: Sequence[str]) -> Mapping[str, float] | None:
        """By the logits after the rendered prompt; a letter counts with and without a blank before it."""
        import torch

        from finetune.checks import last_logits

        ids = self._tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}],
            add_generation_prompt=True,
            return_dict=False,
            **self._quiet(),
        )
        shares = torch.softmax(last_logits(self._model, ids), dim=-1)
        told = {letter: sum(float(shares[one]) for one in self._tokens(letter)) for letter in letters}
        return _normalised(told)

    def _quiet(self) -> dict[str, Any]:
        """A thinking model is told not to, or its next token is no letter."""
        template = getattr(self._tokenizer, "chat_template", None) or ""
        return {"enable_thinking": False} if "enable_thinking" in template else {}

    def _tokens(self, letter: str) -> list[int]:
        if letter not in self._ids:
            whole = (
                self._tokenizer.encode(text, add_special_tokens=False) for text in (letter, f" {letter}")
            )
            self._ids[letter] = sorted({ids[0] for ids in whole if len(ids) == 1})
        return self._ids[letter]


class ServerJudge:
    """A model on an OpenAI-compatible server that tells the likeliest tokens.

    Questions, references and answers are sent there.

    Args:
        url: such as "http://127.0.0.1:8000/v1".
        key: sent as a bearer token; "" sends none.
    """

    def __init__(self, url: str, model: str, *, key: str = "", timeout_s: float = 60.0) -> None:
        import httpx

        self.name = f"{model} ({url})"
        self._model = model
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(base_url=url.rstrip("/") + "/", headers=headers, timeout=timeout_s)

    def chances(self, prompt: str, letters: Sequence[str]) -> Mapping[str, float] | None:
        """From `top_logprobs` of one token; None where the server tells none, or none of the letters.

        Raises:
            ExperimentError: the server cannot be reached or refuses.
        """
        import httpx

        body = {
            "model": self._model,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": 1,
            "temperature": 0,
            "logprobs": True,
            "top_logprobs": 20,
        }
        try:
            reply = self._client.post("chat/completions", json=body)
            reply.raise_for_status()
            choice = reply.json()["choices"][0]
        except (httpx.HTTPError, ValueError, KeyError, IndexError, TypeError) as err:
            raise ExperimentError("judge_unreachable", name=self.name, reason=err) from err
        try:
            likely = choice["logprobs"]["content"][0]["top_logprobs"]
            shares = [(str(one["token"]).strip(), math.exp(float(one["logprob"]))) for one in likely]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
        return _normalised(
            {letter: sum(share for token, share in shares if token == letter) for letter in letters}
        )

    def close(self) -> None:
        """Let the connection go."""
        self._client.close()


def judge_experiment(
    store: Experiments,
    experiment_id: int,
    judge: Judge,
    *,
    ballots: Sequence[Ballot] = (),
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[ExperimentEvent]:
    """Let a judge sit its exam, then, if it passed, judge the declared contrast question by question.

    What it has judged already is not asked again. A judge that failed judges nothing.

    Raises:
        ExperimentError: there is no such experiment, or a server cannot be reached.
    """
    experiment = store.get(experiment_id)
    model = str(experiment.manifest.get("identity", {}).get("model", ""))
    exam = examine(
        judge,
        experiment.questions,
        ballots,
        same_model=bool(model) and judge.name == model,
        seed=experiment.plan.seed,
    )
    store.save_judge(experiment_id, judge.name, exam.card())
    answers = {(one.question_id, one.arm): one.answer for one in store.answers(experiment_id)}
    done = {(one.question_id, one.first, one.second) for one in store.judgements(experiment_id, judge.name)}
    pairs = [
        (question, first, second, one, other)
        for question in experiment.questions
        for first, second in experiment.plan.single_contrasts
        if (one := answers.get((question.id, first))) is not None
        and (other := answers.get((question.id, second))) is not None
        and (question.id, first, second) not in done
    ]
    if not exam.passed:
        yield Began(experiment_id, 0, 0)
        yield Ended(experiment_id, False, 0, {})
        return
    yield Began(experiment_id, 0, len(pairs))
    for number, (question, first, second, one, other) in enumerate(pairs, 1):
        if should_stop():
            yield Ended(experiment_id, True, 0, {})
            return
        texts = ("" if answer.refused else answer.text for answer in (one, other))
        opinion = compare_pair(judge, question, *texts)
        store.save_judgement(
            experiment_id, judge.name, StoredJudgement(question.id, first, second, asdict(opinion))
        )
        yield Answered(question.id, second, number, len(pairs), 0)
    yield Ended(experiment_id, False, 0, {})


def judged(store: Experiments, experiment_id: int, judge: str) -> dict[str, Any]:
    """What a judge's opinions add up to: wins of the contrast's second arm over its first, with interval.

    Returns:
        `n` judged pairs, `unreadable`, `inconsistent`, `wins`, `losses`, `ties` of the second arm, and where they are of
        ten questions or more the paired `difference` of (wins - losses) / n, its `interval` and `p`, clustered as all
        others; of several adapters, a question counts their mean.
    """
    experiment = store.get(experiment_id)
    opinions = store.judgements(experiment_id, judge)
    known = [one for one in opinions if one.facts["state"] == "judged"]
    read = [one.facts for one in known]
    picks = [facts["pick"] for facts in read]
    told: dict[str, Any] = {
        "n": len(read),
        "unreadable": len(opinions) - len(read),
        "inconsistent": sum(not facts["consistent"] for facts in read),
        "wins": picks.count("second"),
        "losses": picks.count("first"),
        "ties": picks.count("tie"),
    }
    asked = list(dict.fromkeys(one.question_id for one in known))
    if len(asked) >= FEWEST:
        names, _ = clusters_of(experiment.questions)
        clusters = dict(zip((question.id for question in experiment.questions), names or (), strict=False))
        of_question = {
            name: [one.facts["pick"] for one in known if one.question_id == name] for name in asked
        }
        result = compare_paired(
            [fmean(pick == "first" for pick in of_question[name]) for name in asked],
            [fmean(pick == "second" for pick in of_question[name]) for name in asked],
            clusters=[clusters[name] for name in asked] if clusters else None,
            seed=experiment.plan.seed,
        )
        told |= {"difference": result.difference, "interval": asdict(result.interval), "p": result.p}
    return told


def _normalised(shares: Mapping[str, float]) -> dict[str, float] | None:
    total = sum(shares.values())
    return None if total < _FEWEST_MASS else {letter: share / total for letter, share in shares.items()}
