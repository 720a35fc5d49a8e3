{{ config(materialized='view') }}

{{ register_documents('closing', ref('stg_register_closing__document_states')) }}
