{{ balances_of(ref('book_lines'), ['book', 'entity']) }}
