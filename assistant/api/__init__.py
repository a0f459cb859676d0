"""The HTTP API: OpenAI's shapes over `App`, as Starlette routes for the page's port or a server of their own.

Knows HTTP and OpenAI's words; how a question is answered is `App`'s. `routes.build_routes` is its one door.
"""
