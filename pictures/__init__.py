"""Pictures from untrusted sources: everything that touches their addresses and bytes.

addresses        which addresses may be fetched: SSRF, private and special-purpose networks
network          connections to checked addresses only: no DNS rebinding, no proxy
fetcher          fetches over http(s): redirects checked again, retries, limits (fetch_settings)
download         one answer, its size capped while it streams
decoder          bytes → one upright 8-bit RGB image, held to the caps on pixels
thumbnail        the smaller JPEG that is kept
decode_workers   decoding in processes of its own (decode_worker), with limits
store            the pictures of an installation, by the hash of their content
"""
