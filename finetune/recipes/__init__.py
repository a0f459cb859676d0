"""Adapters that the project trains itself, each as one command that makes it again."""
