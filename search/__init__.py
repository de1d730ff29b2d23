"""The retrieval engine: a query goes in, ranked products come out.

query      `Query`, `Result`, `Results` and the errors
engine     `Engine` searches the collection of one variant
service    `SearchService` has an engine for each variant of an installation
__main__   `vitrine search`; `facets_command` is `vitrine facets`
"""
