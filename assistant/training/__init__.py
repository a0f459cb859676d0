"""Training in this installation: datasets, builds of rows, runs and adapters, for page, commands and Python.

`finetune` does the work and knows no data folder; here it meets this installation's models, folders, knowledge
bases and settings. `fine_tuner` is the door for Python.
"""
