"""Reads files into text with structure; a module for each family of formats."""
