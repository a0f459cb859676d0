"""App: builds and holds everything; the one door for the page, the command line and the API.

Parts are built on first use. One App owns its data folder (a lock of the operating system) and may be
used from many threads.
"""

from assistant.app.documents import PassageContext
from assistant.app.indexing import Indexing
from assistant.app.readiness import Loading, Readiness, Stage

__all__ = ["App", "PassageContext", "Readiness", "Stage"]


class App(Indexing, Loading):
    """Everything Tandem can do, over one data folder.

    Use `App.open`, as a context manager or with `close` at the end.
    """
