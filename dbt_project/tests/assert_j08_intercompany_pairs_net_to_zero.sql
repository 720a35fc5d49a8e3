-- What one entity is owed, the other owes. Each pair is told by the entity that contracts.
with

lines as (
    select
        'computed' as stage,
        natural_id,
        entity,
        partner_entity,
        period,
        currency,
        {{ intercompany_role('line_key') }} as intercompany_role,
        signed_minor
    from {{ ref('journal_lines') }}
    union all
    select
        'sealed' as stage,
        natural_id,
        entity,
        partner_entity,
        period,
        currency,
        {{ intercompany_role('line_key') }} as intercompany_role,
        case when side = 'debit' then amount_minor else -amount_minor end as signed_minor
    from {{ ref('stg_register_closing__journal_lines') }}
    where cause not in ({{ correction_causes() }})
),

halves as (
    select
        stage,
        natural_id,
        entity,
        partner_entity,
        period,
        currency,
        max(case when intercompany_role in ('payable', 'expense') then 1 else 0 end) = 1 as is_contracting,
        sum(case when intercompany_role in ('receivable', 'payable') then signed_minor else 0 end) as balance_minor,
        sum(case when intercompany_role in ('revenue', 'expense') then signed_minor else 0 end) as result_minor
    from lines
    where intercompany_role is not null
    group by
        stage,
        natural_id,
        entity,
        partner_entity,
        period,
        currency
),

-- An entity whose journals have not reached the period yet seals its half when it closes it.
last_periods as (
    select
        entity,
        max(period) as last_period
    from {{ ref('stg_register_closing__journal_lines') }}
    group by entity
),

paired as (
    select
        halves.*,
        partners.entity is not null as has_partner,
        halves.stage = 'computed' or coalesce(last_periods.last_period >= halves.period, false) as is_due,
        coalesce(partners.balance_minor, 0) as partner_balance_minor,
        coalesce(partners.result_minor, 0) as partner_result_minor
    from halves
    left join halves as partners
        on
            halves.stage = partners.stage
            and halves.natural_id = partners.natural_id
            and halves.entity = partners.partner_entity
            and halves.partner_entity = partners.entity
            and halves.period = partners.period
            and halves.currency = partners.currency
            and halves.is_contracting <> partners.is_contracting
    left join last_periods on halves.partner_entity = last_periods.entity
)

select distinct
    case when is_contracting then entity else partner_entity end as entity,
    natural_id,
    stage,
    currency
from paired
where
    (not has_partner and is_due)
    or (has_partner and (balance_minor + partner_balance_minor <> 0 or result_minor + partner_result_minor <> 0))
