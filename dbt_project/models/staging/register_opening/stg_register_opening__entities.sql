{{ register_entities('opening') }}
