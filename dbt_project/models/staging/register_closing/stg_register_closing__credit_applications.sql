{{ config(materialized='view') }}

{{ register_credit_applications('closing', ref('stg_register_closing__documents')) }}
