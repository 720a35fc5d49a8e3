with

mirror as (
    select * from {{ source('register_opening', 'mirror') }}
),

final as (
    select
        ranked.incarnation,
        ranked.position as mirrored_position
    from (
        select
            mirror.*,
            row_number() over (order by position desc) as recency
        from mirror
    ) as ranked
    where ranked.recency = 1
)

select * from final
