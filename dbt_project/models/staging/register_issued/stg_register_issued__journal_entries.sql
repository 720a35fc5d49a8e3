{{ register_journal_entries('issued', ref('stg_register_issued__documents')) }}
