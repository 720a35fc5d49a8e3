"""What people show each other: the report of a close and the exception queue, each one self-contained HTML file.

``report`` and ``queue`` say what is on a page, ``gathering`` reads it from the register and the published warehouse, ``rendering`` makes HTML of it
and asks nobody, ``writing`` puts it where people find it.
"""
