"""The engine in this process: Qdrant Edge on the installation's own disk."""
