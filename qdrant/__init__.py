"""The vector store: one protocol, the embedded engine and the server behind it.

```
store     the words at the seam: Point, Spec, Filters, Hit, Collection, Store, open_store
points    ids and the one validation of points, before either engine sees them
layout    what a collection is made of: quantisation, graph, payload indexes, how it is searched
embedded  the engine in this process        server  the engine behind QDRANT_URL
  generations  folders on disk, CURRENT       remote        its generations: aliases, metadata
  readers      private hard-linked readers    remote_build  one being written, in parallel streams
  construction the child that builds          remote_reader searches, counts, pages
  stream       what it is fed                 connection    calls tried again
  builder      what it runs                   refusals      what its failures mean
  edge         speaks to qdrant_edge          wire          the client's words for ours
parts     every vector that was encoded, kept by content
transfer  a generation copied to a server     sizing        what a server must hold, by arithmetic
```
"""
