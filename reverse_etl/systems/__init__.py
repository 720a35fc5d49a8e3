"""One room per system: a declared manifest, pure mappings, and the client that performs them."""
