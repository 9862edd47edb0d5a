"""A stand-in for the v1 Tokens API on loopback: for demos, tests and people's own pipelines.

It shares nothing with the rest of credhelper: if client and sandbox had one definition of the
wire, both could be wrong together.
"""
