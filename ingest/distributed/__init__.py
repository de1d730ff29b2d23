"""Embedding on several machines: a plan, blocks of it embedded anywhere, and their merge.

A plan (WANT) lists all that a variant's vector files lack, cut by hash range into blocks. Each
block is embedded as a whole and written to the folder of results (GOT) under the name of its
range, so that a block that is embedded twice overwrites itself. Both folders may be in an object
store. Workers need neither the catalogue nor the picture store.

folder      a folder of files at a path or an address of an object store
plan        what is to be embedded, and its blocks
blocks      the columns of the Parquet files
embedder    one worker: an encoder, and the blocks that it embeds
workers     what a worker is to an engine
engines     who runs the workers: this process, Daft (daft_engine), or Ray (ray_engine)
results     from embedded blocks to the vector files
"""
