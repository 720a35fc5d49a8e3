"""The register's methods by what they are about; ``Register`` is all of them."""
