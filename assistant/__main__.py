"""`python -m assistant` is the `tandem` command."""

from assistant.cli import main

main()
