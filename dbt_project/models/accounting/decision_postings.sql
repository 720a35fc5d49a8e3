with

refunds as (
    select * from {{ ref('canonical_documents') }}
    where
        document_type = 'credit_memo'
        and disposition = 'refund'
),

write_offs as (
    select * from {{ ref('write_offs') }}
    where hold_reason is null
),

receivables as (
    select * from {{ ref('document_accounts') }}
),

entities as (
    select * from {{ ref('stg_register_issued__entities') }}
),

mappings as (
    select * from {{ ref('stg_finance__account_mappings') }}
),

accounts as (
    select * from {{ ref('stg_finance__accounts') }}
),

customers as (
    select * from {{ ref('stg_crm__customers') }}
),

sealed_journals as (
    select * from {{ ref('stg_register_issued__journal_entries') }}
),

-- What is sealed keeps its account, whatever is mapped by now.
sealed_lines as (
    select * from {{ ref('stg_register_issued__journal_lines') }}
),

-- A refund follows from its credit memo, a write-off from nothing but the decision.
combined as (
    select
        business_key as source_document,
        'refund_issued' as event,
        'cash' as posting_role,
        {{ dbt.concat(["document_type", "':'", "natural_id", "':refunded'"]) }} as natural_id,
        entity,
        customer_id,
        currency,
        -total_minor as amount_minor,
        posting_date
    from refunds
    union all
    select
        invoice_key as source_document,
        'write_off' as event,
        'bad_debt' as posting_role,
        {{ decision_natural_id('decision_id') }} as natural_id,
        entity,
        customer_id,
        currency,
        amount_minor,
        posting_date
    from write_offs
),

-- On the day of its document, but in no closed month.
dated as (
    select
        combined.source_document,
        combined.event,
        combined.posting_role,
        combined.natural_id,
        combined.entity,
        combined.customer_id,
        combined.currency,
        combined.amount_minor,
        coalesce(customers.country, '*') as country,
        sealed_journals.natural_id is not null as is_posted,
        coalesce(
            sealed_journals.posting_date,
            greatest(combined.posting_date, coalesce(entities.first_open_month, combined.posting_date))
        ) as posting_date
    from combined
    left join entities on combined.entity = entities.entity
    left join customers on combined.customer_id = customers.customer_id
    left join sealed_journals
        on
            combined.entity = sealed_journals.entity
            and combined.natural_id = sealed_journals.natural_id
),

-- It is of an invoice as a whole, so that only mappings for all products serve it.
wanted as (
    select distinct
        entity,
        '*' as product,
        event,
        country,
        {{ month_start('posting_date') }} as document_month,
        {{ add_days(add_months(month_start('posting_date'), 1), -1) }} as document_date
    from dated
),

mapped as (
    {{ mapped_accounts('wanted', 'mappings', 'accounts', event='wanted.event', country='wanted.country') }}
),

final as (
    select
        dated.natural_id,
        dated.source_document,
        dated.event,
        dated.posting_role,
        dated.entity,
        dated.customer_id,
        dated.currency,
        dated.amount_minor,
        dated.is_posted,
        dated.posting_date,
        {{ period_of('dated.posting_date') }} as period,
        receivables.receivable_account,
        coalesce(sealed_lines.account, mapped.account_code) as role_account,
        case when sealed_lines.account is null then mapped.dimensions else sealed_lines.dimensions end as role_dimensions,
        case
            when sealed_lines.account is not null then null
            when mapped.hold_reason is not null then mapped.hold_reason
            when mapped.account_code is null then 'missing_account_mapping'
        end as hold_reason
    from dated
    left join receivables on dated.source_document = receivables.business_key
    left join sealed_lines
        on
            dated.entity = sealed_lines.entity
            and dated.natural_id = sealed_lines.natural_id
            and {{ dbt.concat(["dated.natural_id", "'#'", "dated.posting_role"]) }} = sealed_lines.line_key
    left join mapped
        on
            dated.entity = mapped.entity
            and dated.event = mapped.event
            and dated.country = mapped.country
            and {{ month_start('dated.posting_date') }} = mapped.document_month
            and dated.posting_role = mapped.posting_role
)

select * from final
