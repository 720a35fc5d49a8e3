with

documents as (
    select * from {{ ref('canonical_documents') }}
),

intercompany_lines as (
    select * from {{ ref('intercompany_lines') }}
    where transfer_minor <> 0
),

postings as (
    select
        halves.*,
        -- Debit positive: the entity that contracts owes what the one that sells earns.
        case when result_role = 'expense' then 1 else -1 end as result_sign
    from {{ ref('intercompany_postings') }} as halves
    where hold_reason is null
),

balance_legs as (
    select
        natural_id,
        entity,
        {{ dbt.concat(["'intercompany_'", "balance_role"]) }} as leg,
        balance_account as account,
        balance_dimensions as dimensions,
        -result_sign * amount_minor as signed_minor,
        cast(null as varchar) as source_line_key,
        cast(null as date) as service_period_start,
        cast(null as date) as service_period_end
    from postings
),

result_legs as (
    select
        postings.natural_id,
        postings.entity,
        {{ dbt.concat(["'intercompany_'", "postings.result_role", "':'", "intercompany_lines.document_line_key"]) }} as leg,
        postings.result_account as account,
        postings.result_dimensions as dimensions,
        postings.result_sign * intercompany_lines.transfer_minor as signed_minor,
        intercompany_lines.document_line_key as source_line_key,
        intercompany_lines.service_period_start,
        intercompany_lines.service_period_end
    from postings
    inner join intercompany_lines
        on
            postings.source_document = intercompany_lines.business_key
            and intercompany_lines.selling_entity in (postings.entity, postings.partner_entity)
),

combined as (
    select * from balance_legs
    union all
    select * from result_legs
),

final as (
    select
        combined.natural_id,
        'intercompany_charged' as event,
        cast(null as varchar) as reverses,
        postings.source_document,
        documents.number as source_number,
        documents.document_type as source_document_type,
        combined.entity,
        postings.posting_date,
        postings.currency,
        postings.functional_currency,
        postings.exchange_rate,
        postings.rounding_account,
        combined.leg,
        combined.account,
        combined.dimensions,
        cast(combined.signed_minor as bigint) as signed_minor,
        cast(null as bigint) as signed_functional_minor,
        documents.customer_id as document_customer_id,
        cast(null as varchar) as customer_id,
        postings.partner_entity,
        combined.source_line_key,
        combined.service_period_start,
        combined.service_period_end
    from combined
    inner join postings
        on
            combined.natural_id = postings.natural_id
            and combined.entity = postings.entity
    inner join documents on postings.source_document = documents.business_key
)

select * from final
