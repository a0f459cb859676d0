"""Documents to training rows: facts with their spans, many wordings of each, and an account of what they teach.

`material` is what comes in, `extract` finds facts by rules, `wording` words them, `compose` makes the rows,
`ledger` counts, `leaks` holds rows against test questions, `build` is the folder that all of it is kept in. Knows
nothing of knowledge bases: documents and passages come as plain values.
"""
