{{ config(materialized='view') }}

{{ register_journal_lines('issued', ref('stg_register_issued__documents')) }}
