"""Who runs when: the assets of a close, what is checked of them, and what starts them."""
