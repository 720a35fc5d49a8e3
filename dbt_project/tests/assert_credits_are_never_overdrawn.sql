-- Credits that do not exist, or more of them than an invoice asks for, are money given away twice.
with

drawn_of_grants as (
    select
        grant_id,
        sum(amount_minor) as drawn_minor
    from {{ ref('proposed_credit_applications') }}
    group by grant_id
)

select
    open_credit_grants.grant_id as subject,
    open_credit_grants.balance_minor as available_minor,
    drawn_of_grants.drawn_minor
from drawn_of_grants
left join {{ ref('open_credit_grants') }} as open_credit_grants on drawn_of_grants.grant_id = open_credit_grants.grant_id
where drawn_of_grants.drawn_minor > coalesce(open_credit_grants.balance_minor, 0)

union all

select
    business_key as subject,
    total_minor as available_minor,
    cast({{ json_text('payload', 'applied_credit_minor') }} as bigint) as drawn_minor
from {{ ref('outbox_invoices') }}
where
    cast({{ json_text('payload', 'applied_credit_minor') }} as bigint) > total_minor
    or cast({{ json_text('payload', 'applied_credit_minor') }} as bigint)
    + cast({{ json_text('payload', 'amount_due_minor') }} as bigint) is distinct from total_minor
