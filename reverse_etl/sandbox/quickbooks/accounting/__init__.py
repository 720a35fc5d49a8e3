"""What a company keeps: its chart of accounts, customers and journal entries, and the questions that can be asked of them."""
