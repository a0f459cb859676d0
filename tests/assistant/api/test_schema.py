"""The description is true: schemathesis asks every operation in many ways and finds no crash and no other shape."""

import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from assistant.api.openapi import description
from assistant.api.replies import ChatChunk, CompletionReply
from tests.assistant.running import Served

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
SCHEMA = schemathesis.openapi.from_dict(description())


ANY_HEALTH = list(HealthCheck)


def reach_deep(case: schemathesis.Case) -> None:
    """Keep what schemathesis made, but name a model there is, and ask for few tokens."""
    for fields in (case.body, case.query):
        if not isinstance(fields, dict):
            continue
        if isinstance(fields.get("model"), str):
            fields["model"] = "all-minilm-l6-v2" if case.path.endswith("embeddings") else "base"
        for name, most in (("max_tokens", 2), ("max_completion_tokens", 2), ("n", 2)):
            if isinstance(fields.get(name), int) and fields[name] > most:
                fields[name] = most
        if "messages" in fields or "prompt" in fields:
            fields.setdefault("max_tokens", 2)


@SCHEMA.parametrize()
@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=ANY_HEALTH)
def test_no_request_breaks_an_operation(case: schemathesis.Case, served: Served) -> None:
    reach_deep(case)
    case.call_and_validate(base_url=served.url, checks=CHECKS, timeout=60)


@pytest.mark.slow
@SCHEMA.parametrize()
@settings(max_examples=200, deadline=None, suppress_health_check=ANY_HEALTH)
def test_no_request_of_many_breaks_an_operation(case: schemathesis.Case, served: Served) -> None:
    reach_deep(case)
    case.call_and_validate(base_url=served.url, checks=CHECKS, timeout=60)


@pytest.mark.parametrize(
    ("path", "body", "shape"),
    [
        ("chat/completions", {"messages": [{"role": "user", "content": "Hi"}]}, ChatChunk),
        ("completions", {"prompt": "One, two,"}, CompletionReply),
    ],
)
def test_every_event_has_the_described_shape(served: Served, path: str, body: Any, shape: Any) -> None:
    asked = {"model": "base", "max_tokens": 3, "stream": True, "stream_options": {"include_usage": True}}
    lines = [line for line in served.post(f"/v1/{path}", asked | body).text.splitlines() if line]
    assert lines[-1] == "data: [DONE]"
    for line in lines[:-1]:
        shape.model_validate(json.loads(line.removeprefix("data: ")))
