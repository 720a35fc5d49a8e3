with

accounts as (
    select * from {{ ref('stg_finance__accounts') }}
    where required_dimensions is not null
),

places as (
    select {{ whole_numbers_from(1, largest_dimensions()) }} as place
),

final as (
    select distinct
        accounts.entity,
        accounts.account_code,
        {{ trimmed("split_part(accounts.required_dimensions, ';', places.place)") }} as dimension
    from accounts
    cross join places
)

select * from final
where dimension <> ''
