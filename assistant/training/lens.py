"""The loss-mask lens: one row of a dataset as the trainer gets it, for the page to draw and the terminal to print."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finetune.config import DataConfig
    from finetune.encoding import EncodedRow
    from finetune.examples import Example
    from finetune.mask_view import TokenView


@dataclass(frozen=True, slots=True)
class Lens:
    """One row under the loss-mask lens.

    Args:
        row: as the trainer gets it; without pieces where it is refused.
        tokens: for each piece, a view per token.
        thinks: whether the model's template knows thinking.
    """

    example: "Example"
    row: "EncodedRow"
    tokens: "tuple[list[TokenView], ...]"
    thinks: bool

    def to_json(self) -> dict[str, Any]:
        """Return plain values, every token with its id and whether it is trained."""
        from dataclasses import asdict

        from finetune.messages import render

        def told(code: str, params: dict[str, Any]) -> dict[str, Any]:
            return {
                "code": code,
                "params": params,
                "text": {"en": render(code, params), "zh": render(code, params, "zh")},
            }

        return {
            "source": str(self.example.source),
            "kind": self.example.kind,
            "refused": told(*self.row.refused) if self.row.refused else None,
            "pieces": [
                {
                    "tokens": len(views),
                    "trained_tokens": piece.trained_tokens,
                    "notes": [told(*note) for note in piece.notes],
                    "views": [asdict(view) for view in views],
                }
                for views, piece in zip(self.tokens, self.row.pieces, strict=True)
            ],
        }


def look_at(example: "Example", tokenizer: Any, rows: "DataConfig") -> Lens:
    """Encode one row exactly as the trainer will.

    Raises:
        DatasetError: the chat template cannot be used.
    """
    from finetune.encoding import Encoder
    from finetune.mask_view import mask_view

    encoder = Encoder(tokenizer, rows.max_length, rows.train_on, rows.thinking, rows.overlong)
    (row,) = encoder.encode_rows([example])
    views = tuple(mask_view(piece, tokenizer) for piece in row.pieces)
    return Lens(example, row, views, "think>" in str(tokenizer.chat_template))


def joined(views: "Sequence[TokenView]") -> list[tuple[str, str]]:
    """Text and kind of each token: "stop", "trained", or whose it is; what continues a character belongs to the token
    before."""
    return [
        (view.text, "stop" if view.is_stop else "trained" if view.trained else view.role)
        for view in views
        if not view.continues
    ]
