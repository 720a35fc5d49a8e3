{{ config(materialized='view') }}

{{ register_billing_lines('closing', ref('stg_register_closing__documents')) }}
