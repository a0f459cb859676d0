"""Models that run on servers of other programs: asked over HTTP, offered as the same objects as our own engine's.

`registry.Providers` is the one door. A provider's model is named `provider:NAME/MODEL`.
"""
