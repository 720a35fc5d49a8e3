{{ register_document_states('opening') }}
