"""The HTTP API over `search`; `vitrine serve` serves the installation VITRINE_HOME.

application    the FastAPI application: routes, middleware and errors in one
service        what the routes share: the open shop, its threads and its queue of searches
search_queue   searches that wait for a thread are answered together
threads        threads for calls that block, with a bound on those that wait
search_routes  POST /v1/search, facets and suggestions; `product_routes`, `picture_routes`
event_routes   POST /v1/events; `event_requests` reads its bodies
searching      answers to searches, for the routes and for the tools
brief          answers of bounded length for models
catalog_tools  tools for agents over MCP, at /mcp and, by `vitrine mcp`, on standard input
health_routes  whether the server runs, whether it can answer, and its metrics
requests       bodies and parameters of requests; `forms` reads multipart ones
answers        bodies of answers
query_picture  the picture of a query: uploaded, in the body, or at an address
renditions     stored pictures as WebP of a few widths
problems       errors as problem details (RFC 9457)
schema         the OpenAPI document, with examples; `documented` has the descriptions
access         API keys, the names the server answers to, and a rate for each client
processes      the processes of a server, and how they end
connections    limits on the heads of requests
bodies         limits on the bodies of requests
disconnects    requests whose client has gone away are cancelled
observer       request ids, metrics and the log of each request
"""
