{{ config(materialized='view') }}

{{ register_documents('opening', ref('stg_register_opening__document_states')) }}
