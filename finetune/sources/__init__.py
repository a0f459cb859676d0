"""Where models come from, one file each. Each brings files; `finetune.models` decides which to ask."""
