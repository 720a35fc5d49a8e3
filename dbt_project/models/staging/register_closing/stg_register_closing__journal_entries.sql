{{ register_journal_entries('closing', ref('stg_register_closing__documents')) }}
