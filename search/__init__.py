"""The retrieval engine: a query goes in, ranked products come out.

Used by the app, by evaluation and by the command line.
"""
