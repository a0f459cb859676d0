"""The reader: SmolLM2-135M taught to answer briefly from passages, and to say when they hold no answer.

`README.md` beside this file tells data, method, figures and failures.
"""
