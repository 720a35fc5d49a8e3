{{ register_journal_entries('opening', ref('stg_register_opening__documents')) }}
