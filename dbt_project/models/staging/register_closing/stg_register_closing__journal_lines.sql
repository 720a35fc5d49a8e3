{{ config(materialized='view') }}

{{ register_journal_lines('closing', ref('stg_register_closing__documents')) }}
