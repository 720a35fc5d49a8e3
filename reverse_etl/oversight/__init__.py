"""What people see and do about postings: a document and all that happened to it, trying again, and comparing with what is there."""
