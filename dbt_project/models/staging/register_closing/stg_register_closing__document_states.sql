{{ register_document_states('closing') }}
