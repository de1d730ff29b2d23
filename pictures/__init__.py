"""Pictures from untrusted sources: everything that handles their addresses and bytes.

addresses        which addresses may be fetched: SSRF, private and special-purpose networks
network          connections to checked addresses only: no DNS rebinding, no proxy
fetcher          fetches over http(s): redirects checked again, retries, limits (fetch_settings)
download         one response body, its size capped while it streams
sources          the bytes of files, of embedded pictures and of `data:` addresses
object_store     files behind addresses of object stores, such as s3://bucket/a.jpg
embedded         pictures that a feed itself contains, kept by the hash of their content
formats          formats of files by how they begin: those that are read, and others by name
decoder          bytes → one upright 8-bit sRGB image, held to the caps on pixels
thumbnail        the reduced JPEG that is kept, or the reduced pixels of a query
decode_workers   decoding in processes with limits (decode_process)
limit            a bound on the queries' pictures that are fetched or decoded at once
store            the pictures of an installation, by the hash of their content
importer         from an address to the store
public_addresses of stored pictures, as clients of the HTTP API see them

Untrusted bytes are decoded by `decode_workers.open_untrusted` and `DecodeWorkers` only.
"""
