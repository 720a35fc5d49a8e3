{{ register_documents('issued') }}
