{{ register_entities('issued') }}
