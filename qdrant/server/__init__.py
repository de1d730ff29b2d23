"""The engine behind QDRANT_URL: a Qdrant server, through `qdrant-client`."""
