"""The retrieval engine: a query goes in, ranked products come out.

query      `Query`, `Result`, `Results` and the errors
engine     `Engine` searches the collection of one variant
request    `read_query` makes a query of plain values, for every interface
shop       `open_shop` opens an installation; a `Shop` has an engine for each of its variants
redaction  errors without paths and addresses of the server
__main__   `vitrine search`; `facets_command` is `vitrine facets`
"""
