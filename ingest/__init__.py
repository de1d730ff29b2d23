"""The jobs that fill a shop: products → images → summaries → vectors.

Each job can be stopped at any instant and run again; it ends as an unbroken run would.
"""
