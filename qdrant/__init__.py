"""The vector store: one `Store` over two engines, and the files of all vectors ever encoded.

```
store         Store: every check, ranking and error once; open_store chooses the engine
model         the dataclasses at the interface: Point, Spec, Filters, Hit, Collection, Generation
engine        the protocol that both engines implement
points        point ids, and the check of every point       filters  conditions of a search
layout        index parameters of collections and searches  ranking  top-k with ties
vector_files  every vector that was encoded, by content     disk     full disks, sparse copies
transfer      a generation copied to a server               sizing   what a collection needs
recall        how many candidates a graph search needs
snapshot      a collection as one file, for either engine

embedded/     Qdrant Edge in this process       server/      a Qdrant server, at QDRANT_URL
  engine        the protocol                      engine       the protocol
  generations   folders on disk, CURRENT          generations  aliases, metadata, heartbeat
  build         the builder's parent              build        one being written, in parallel
  reader        searches, counts, pages           reader       searches, counts, pages
  private       a reader's private hard links     point_writer what is sent, over REST or by gRPC
  mapping       the engine's types                mapping      the client's types
  shard         a folder being written            errors       one table of failures
  builder       the child process                 connection   retries, several nodes
  stream        what the child is sent            settings     how a cluster is used
  leases        readers shared by threads         readiness    when one may be published
  lock          one builder at a time             shards       copies by snapshots of shards
```
"""
