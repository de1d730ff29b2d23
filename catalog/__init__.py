"""What a shop sells: products, their pictures, and the record of every attempt to get them.

    product      one item for sale
    readers      products out of JSON Lines, CSV and Parquet files; fields: what their columns mean
    pictures     the one picture decoder, and the store of pictures by content
    catalogue    products, picture ledger, summaries and runs in one SQLite file

Every mistake that a person can mend is a `CatalogError` (see `catalog.errors`).
"""
