{{ register_documents('opening') }}
