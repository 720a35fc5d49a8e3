{{ config(materialized='view') }}

{{ register_billing_lines('issued', ref('stg_register_issued__documents')) }}
