"""Files in, ranked passages out. Knows nothing of settings files, prompts, chat models or pages."""
