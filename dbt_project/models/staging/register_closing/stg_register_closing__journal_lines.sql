{{ register_journal_lines(ref('stg_register_closing__documents')) }}
