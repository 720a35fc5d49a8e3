{{ config(materialized='view') }}

with

reads as (
    select * from {{ source('platform', 'read_backs') }}
    where system = 'stripe_platform'
),

-- What was created longer ago than this is no longer read, so that its absence says nothing.
final as (
    select
        read_id,
        entity,
        period,
        {{ add_days("cast(period || '-01' as date)", -60) }} as covers_from,
        completed_at
    from reads
)

select * from final
