-- What the books of two entities hold against each other, per currency and at the end of every period that both have reached.
with

contracting as (
    select * from {{ ref('intercompany_balances') }}
    where
        payable_minor <> 0
        or expense_minor <> 0
),

selling as (
    select * from {{ ref('intercompany_balances') }}
    where
        receivable_minor <> 0
        or revenue_minor <> 0
),

last_periods as (
    select
        entity,
        max(period) as last_period
    from {{ ref('general_ledger') }}
    group by entity
),

compared as (
    select
        coalesce(contracting.entity, selling.partner_entity) as entity,
        coalesce(contracting.partner_entity, selling.entity) as selling_entity,
        coalesce(contracting.period, selling.period) as period,
        coalesce(contracting.currency, selling.currency) as currency,
        coalesce(contracting.payable_minor, 0) as payable_minor,
        coalesce(selling.receivable_minor, 0) as receivable_minor,
        coalesce(contracting.expense_minor, 0) as expense_minor,
        coalesce(selling.revenue_minor, 0) as revenue_minor
    from contracting
    full outer join selling
        on
            contracting.entity = selling.partner_entity
            and contracting.partner_entity = selling.entity
            and contracting.period = selling.period
            and contracting.currency = selling.currency
)

select compared.*
from compared
inner join last_periods as contracting_periods
    on
        compared.entity = contracting_periods.entity
        and compared.period <= contracting_periods.last_period
inner join last_periods as selling_periods
    on
        compared.selling_entity = selling_periods.entity
        and compared.period <= selling_periods.last_period
where
    compared.payable_minor + compared.receivable_minor <> 0
    or compared.expense_minor + compared.revenue_minor <> 0
