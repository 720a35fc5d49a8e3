{{ config(materialized='view') }}

{{ register_credit_applications('opening', ref('stg_register_opening__documents')) }}
