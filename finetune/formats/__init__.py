"""Dataset files in every common layout -> `Example`, and back out as alpaca, ShareGPT or OpenAI messages."""
