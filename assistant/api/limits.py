"""How many tokens a request may ask for: as many over all its texts as the settings say."""

from assistant.api.errors import ApiError


def tokens_each(most: int, *, texts: int, asked: int | None, field: str = "max_tokens") -> int:
    """Return the most tokens that each of a request's texts may have.

    Args:
        most: tokens for the whole request.
        texts: how many are to be written, over all prompts and choices.
        asked: tokens of each that the client asks for; None where it leaves that open.
        field: where the client says so.

    Raises:
        ApiError: more is asked for. What is left open, or more than the model's context holds, is no error.
    """
    each = most // texts
    if asked is not None and asked > each:
        raise ApiError(
            "api_tokens_too_many",
            field=field,
            name="invalid_value",
            place=field,
            asked=asked,
            texts=texts,
            most=most,
            each=each,
        )
    return each
