"""What people do with postings: look at what a push would do, push, and deal with what it left behind."""
