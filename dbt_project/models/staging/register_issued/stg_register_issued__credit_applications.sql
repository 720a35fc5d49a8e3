{{ config(materialized='view') }}

{{ register_credit_applications('issued', ref('stg_register_issued__documents')) }}
