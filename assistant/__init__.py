"""Puts knowledge and models together: settings, chain, citations, conversations, commands."""
