{{ register_document_states('issued') }}
