"""GET and POST /generate, as tutorials write them with FastAPI: a prompt in, {"response": ...} out."""

from contextlib import aclosing
from typing import Any

from assistant.api.chat import Chat, Question, provenance, wishes
from assistant.api.door import Call
from assistant.api.limits import tokens_each
from assistant.api.schemas import GenerateRequest


class Generate:
    """The handlers; the answer is that of /v1/chat/completions to a conversation of one message."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    async def from_query(self, call: Call) -> dict[str, Any]:
        """GET /generate?prompt=…"""
        return await self._answer(call.read_query(GenerateRequest))

    async def from_body(self, call: Call) -> dict[str, Any]:
        """POST /generate"""
        return await self._answer(call.read(GenerateRequest))

    async def _answer(self, request: GenerateRequest) -> dict[str, Any]:
        wanted = wishes(
            temperature=request.temperature,
            top_p=request.top_p,
            top_k=request.top_k,
            max_new_tokens=request.max_tokens,
            stop=request.stop,
            seed=request.seed,
        )
        each = tokens_each(self._chat.max_tokens, texts=1, asked=request.max_tokens)
        question = Question(request.model, request.prompt, each, wishes=wanted)
        async with aclosing(self._chat.answers(question)) as pieces:
            answers = [piece.answer async for piece in pieces if piece.answer is not None]
        (answer,) = answers
        return {"response": answer.text, "model": request.model, **provenance(answer)}
