with

mirror as (
    select * from {{ source('register_opening', 'mirror') }}
),

-- A mirror that says nothing of its layout was made by a version that did not mirror lines: it is absent until it is made again.
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
    where
        ranked.recency = 1
        and ranked.layout is not null
)

select * from final
