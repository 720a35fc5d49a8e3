{{ config(materialized='view') }}

{{ register_documents('issued', ref('stg_register_issued__document_states')) }}
