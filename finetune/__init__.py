"""Examples in, a checked adapter out; and where models come from. Knows nothing of documents or retrieval."""
