"""The vector store: one protocol, the embedded engine and the server behind it.

```
store     the words at the seam: Point, Spec, Filters, Hit, Collection, Store, open_store
points    ids and the one validation of points, before either engine sees them
layout    what a collection is made of: quantisation, graph, payload indexes, effort of a search
embedded  the engine in this process        server  the engine behind QDRANT_URL
  generations  folders on disk, CURRENT       (qdrant-client; words in wire)
  readers      private hard-linked readers
  construction the child that builds, fed through stream
  builder      what that child runs
  edge         the one place that speaks to qdrant_edge
```
"""
