"""transformers' classes for any model, imported by one thread at a time.

transformers imports its parts when they are first asked for. Two threads that ask at once, as a page that is
opened while the models are loaded, wait for each other's parts; Python ends that by handing one of them a module
that is half made, and it fails with "cannot import name 'AutoTokenizer'".
"""

import threading

_importing = threading.Lock()


def import_auto_classes() -> None:
    """Import them, or wait until another thread has; at once from the second call on."""
    with _importing:
        from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, DynamicCache  # noqa: F401
