{{ config(materialized='view') }}

{{ register_billing_lines('opening', ref('stg_register_opening__documents')) }}
