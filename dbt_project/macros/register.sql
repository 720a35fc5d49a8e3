{#- The register mirror is read in three phases of a close (opening, issued, closing), each through its own dbt source
    over the same relations, so that the graph stays acyclic. These macros are the one reading of it. -#}

{% macro register_documents(phase) -%}
with

documents as (
    select * from {{ source('register_' ~ phase, 'documents') }}
),

transitions as (
    select * from {{ source('register_' ~ phase, 'transitions') }}
),

latest_transitions as (
    select
        ranked.document_position,
        ranked.state,
        ranked.remote_id,
        ranked.remote_number,
        ranked.reason,
        ranked.at
    from (
        select
            transitions.*,
            row_number() over (partition by document_position order by position desc) as recency
        from transitions
    ) as ranked
    where ranked.recency = 1
),

remote_identities as (
    select
        document_position,
        max(remote_id) as remote_id,
        max(remote_number) as remote_number
    from transitions
    group by document_position
),

final as (
    select
        documents.position as document_position,
        documents.business_key,
        documents.system,
        documents.entity,
        documents.document_type,
        documents.natural_id,
        documents.revision,
        documents.operation,
        documents.number,
        documents.document_date,
        documents.posting_date,
        documents.period,
        documents.currency,
        documents.total_minor,
        documents.subtracted_key,
        documents.cause,
        documents.content_hash,
        documents.reference,
        documents.payload,
        documents.correlation_id,
        documents.sealed_at,
        coalesce(latest_transitions.state, 'pending') as state,
        remote_identities.remote_id,
        remote_identities.remote_number,
        latest_transitions.reason,
        latest_transitions.at as state_since
    from documents
    left join latest_transitions on documents.position = latest_transitions.document_position
    left join remote_identities on documents.position = remote_identities.document_position
)

select * from final
{%- endmacro %}

{% macro register_billing_lines(documents) -%}
{#- The lines of issued invoices and credit memos, credit memos negative; a cancelled document was never issued. -#}
with

documents as (
    select * from {{ documents }}
    where
        document_type in ('invoice', 'credit_memo')
        and state <> 'cancelled'
),

elements as (
    select
        document_position,
        business_key,
        document_type,
        entity,
        period,
        currency,
        number,
        document_date,
        posting_date,
        payload,
        case when document_type = 'credit_memo' then -1 else 1 end as sign,
        {{ json_elements('payload', 'lines') }} as line
    from documents
),

final as (
    select
        document_position,
        business_key,
        document_type,
        entity,
        period,
        currency,
        number,
        document_date,
        posting_date,
        {{ json_text('payload', 'customer_id') }} as customer_id,
        {{ json_text('payload', 'invoice_key') }} as invoice_key,
        {{ json_text('payload', 'functional_currency') }} as functional_currency,
        {{ json_text('payload', 'exchange_rate') }} as exchange_rate,
        {{ json_text('payload', 'exchange_rate_date') }} as exchange_rate_date,
        {{ json_text('line', 'line_key') }} as document_line_key,
        {{ json_text('line', 'rated_line_key') }} as line_key,
        {{ json_text('line', 'corrects_line_key') }} as corrects_line_key,
        {{ json_text('line', 'group_key') }} as group_key,
        {{ json_text('line', 'kind') }} as kind,
        {{ json_text('line', 'description') }} as description,
        {{ json_text('line', 'subscription_id') }} as subscription_id,
        {{ json_text('line', 'charge_id') }} as charge_id,
        {{ json_text('line', 'meter') }} as meter,
        {{ json_text('line', 'product') }} as product,
        sign * cast({{ json_text('line', 'amount_minor') }} as bigint) as amount_minor,
        sign * cast({{ json_text('line', 'tax_minor') }} as bigint) as tax_minor,
        {{ json_text('line', 'tax_code') }} as tax_code,
        cast({{ json_text('line', 'tax_rate') }} as {{ rate_type() }}) as tax_rate,
        cast({{ json_text('line', 'event_count') }} as bigint) as event_count,
        cast({{ json_text('line', 'service_period_start') }} as date) as service_period_start,
        cast({{ json_text('line', 'service_period_end') }} as date) as service_period_end,
        cast({{ json_text('line', 'billing_month') }} as date) as billing_month,
        {{ json_text('line', 'receivable_account') }} as receivable_account,
        {{ json_text('line', 'revenue_account') }} as revenue_account,
        {{ json_text('line', 'deferred_account') }} as deferred_account,
        {{ json_text('line', 'tax_account') }} as tax_account,
        {{ json_text('line', 'rounding_account') }} as rounding_account
    from elements
)

select * from final
{%- endmacro %}

{% macro register_journal_lines(documents) -%}
with

documents as (
    select * from {{ documents }}
    where
        document_type = 'journal_entry'
        and state <> 'cancelled'
),

elements as (
    select
        document_position,
        business_key,
        natural_id,
        entity,
        period,
        posting_date,
        currency,
        reference,
        state,
        payload,
        {{ json_elements('payload', 'lines') }} as line
    from documents
),

final as (
    select
        document_position,
        business_key,
        natural_id,
        entity,
        period,
        posting_date,
        currency,
        reference,
        state,
        {{ json_text('payload', 'source_document') }} as source_document,
        {{ json_text('payload', 'event') }} as event,
        {{ json_text('line', 'line_key') }} as line_key,
        {{ json_text('line', 'account') }} as account,
        {{ json_text('line', 'side') }} as side,
        cast({{ json_text('line', 'amount_minor') }} as bigint) as amount_minor,
        cast({{ json_text('line', 'functional_minor') }} as bigint) as functional_minor,
        {{ json_text('line', 'customer_id') }} as customer_id,
        {{ json_text('line', 'source_line_key') }} as source_line_key
    from elements
)

select * from final
{%- endmacro %}
