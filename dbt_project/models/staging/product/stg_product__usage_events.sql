{{ config(materialized='view') }}

{{ typed_usage_events(source('raw_usage', 'usage_events')) }}
