"""What follows when a reader stops the page's script: the page is drawn once more, as it stands then.

Streamlit ends a stopped script at its next drawing and clears away what that run had not drawn yet. So
a stop in the run's first moments left an empty page, and a later one left the signs of waiting.
"""

import threading
import time
from weakref import WeakKeyDictionary

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime import exists, get_instance
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner import get_script_run_ctx

_RUNS: WeakKeyDictionary[AppSession, int] = WeakKeyDictionary()
"""How often each browser's page was run as a whole; fragments that run on their own do not count."""
PATIENCE_S = 10.0
"""Seconds that a stopped run may take to end."""
PAUSE_S = 0.15
"""Seconds between two looks whether the page is at rest."""


def count_run() -> None:
    """Note that the whole page is run. Called first thing by the page's script."""
    if session := _session():
        _RUNS[session] = _RUNS.get(session, 0) + 1


def draw_again() -> None:
    """Run the page once more when this run has ended. Called where a run ends because it was stopped.

    A click or a question that came in the middle stops the run too, but has begun another of the whole
    page by then: that one is left alone.
    """
    session = _session()
    if session is not None:
        arguments = (session, threading.current_thread(), _RUNS.get(session))
        threading.Thread(target=_after, args=arguments, daemon=True).start()


def _session() -> AppSession | None:
    context = get_script_run_ctx(suppress_warning=True)
    if context is None or not exists():
        return None
    sessions = getattr(get_instance(), "_session_mgr", None)  # a page under test has none
    info = None if sessions is None else sessions.get_active_session_info(context.session_id)
    return info.session if info is not None and isinstance(info.session, AppSession) else None


def _after(session: AppSession, stopped: threading.Thread, runs: int | None) -> None:
    stopped.join(PATIENCE_S)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and _RUNS.get(session) == runs:
        time.sleep(PAUSE_S)
        # Whatever began meanwhile is done; had it been the whole page, it would have counted itself.
        if session._scriptrunner is None and _RUNS.get(session) == runs:
            state = ClientState()
            state.CopyFrom(session._client_state)  # the page and the address that it was on
            state.fragment_id = ""
            session.request_rerun(state)
            return
