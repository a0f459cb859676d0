"""The line that says how far the model is moves on while an answer is waited for."""

from streamlit.testing.v1 import AppTest


def page() -> None:
    from types import SimpleNamespace

    import streamlit as st

    from assistant.app.readiness import Readiness
    from ui.ask_parts.readiness import ModelLine

    state = {"now": Readiness("loading", "small")}
    drawn = []
    app = SimpleNamespace(
        ready=lambda: state["now"], model_note=lambda language: drawn.append(language) or "small: x"
    )
    line = ModelLine(app, st.empty())  # type: ignore[arg-type]
    line.refresh()
    if st.query_params.get("ready"):
        state["now"] = Readiness("ready", "small")
        line.refresh()
        line.refresh()
        st.session_state["drawn"] = len(drawn)


def test_loading_gives_way_to_the_models_note() -> None:
    at = AppTest.from_function(page)
    at.query_params["lang"] = "en"
    at.run()
    assert [caption.value for caption in at.caption] == [":shimmer[Loading small]"]
    at.query_params["ready"] = "1"
    at.run()
    assert [caption.value for caption in at.caption] == ["small\\: x"]
    assert at.session_state["drawn"] == 1  # drawn again only when there is something else to say
