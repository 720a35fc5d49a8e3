"""What people look after beside a close: the register's audit and its anchors, and what pushes would do."""
