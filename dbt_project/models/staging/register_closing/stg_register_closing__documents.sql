{{ register_documents('closing') }}
