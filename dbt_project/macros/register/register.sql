{#- The register mirror is read in three phases of a close (opening, issued, closing), each through its own dbt source
    over the same relations, so that the graph stays acyclic. These macros are the one reading of it. -#}

{% macro register_document_states(phase) -%}
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

-- What has vanished at its destination counts once: the later revision that is no correction stands in its place.
replaced as (
    select distinct earlier.position
    from documents as earlier
    inner join documents as later
        on
            earlier.business_key = later.business_key
            and earlier.revision + 1 = later.revision
    where later.cause not in ({{ correction_causes() }})
),

final as (
    select
        documents.position as document_position,
        case
            when latest_transitions.state = 'reversed' and replaced.position is not null then 'cancelled'
            else coalesce(latest_transitions.state, 'pending')
        end as state,
        remote_identities.remote_id,
        remote_identities.remote_number,
        latest_transitions.reason,
        latest_transitions.at as state_since
    from documents
    left join latest_transitions on documents.position = latest_transitions.document_position
    left join replaced on documents.position = replaced.position
    left join remote_identities on documents.position = remote_identities.document_position
)

select * from final
{%- endmacro %}

{% macro register_documents(phase, states) -%}
{#- What is sealed never changes and is read where the mirror has it; the states are those of the phase, and so are the documents. -#}
with

documents as (
    select * from {{ source('register_' ~ phase, 'documents') }}
),

states as (
    select * from {{ states }}
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
        states.state,
        states.remote_id,
        states.remote_number,
        states.reason,
        states.state_since
    from documents
    inner join states on documents.position = states.document_position
)

select * from final
{%- endmacro %}

{% macro register_billing_lines(phase, documents) -%}
{#- The lines of issued invoices and credit memos, credit memos negative; a cancelled document was never issued. -#}
with

lines as (
    select * from {{ source('register_' ~ phase, 'billing_lines') }}
),

documents as (
    select
        issued.*,
        case when issued.document_type = 'credit_memo' then -1 else 1 end as sign
    from {{ documents }} as issued
    where issued.state <> 'cancelled'
),

-- What is to be billed again.
voided_invoices as (
    select distinct coalesce(voiding_lines.invoice_key, voiding.business_key) as invoice_key
    from {{ documents }} as voiding
    inner join {{ source('register_' ~ phase, 'billing_lines') }} as voiding_lines on voiding.document_position = voiding_lines.document_position
    where
        voiding.cause = 'void_and_rebill'
        and voiding.state <> 'cancelled'
),

final as (
    select
        documents.document_position,
        documents.business_key,
        documents.document_type,
        documents.entity,
        documents.period,
        documents.currency,
        documents.number,
        documents.document_date,
        documents.posting_date,
        documents.cause,
        -- Lines that were sealed before they had a customer of their own are of the document's.
        coalesce(lines.customer_id, lines.bill_to_customer_id) as customer_id,
        lines.bill_to_customer_id,
        lines.invoice_key,
        lines.functional_currency,
        lines.exchange_rate,
        lines.exchange_rate_date,
        lines.document_line_key,
        {{ stable_line_key('lines.line_key', 'lines.subscription_id', 'lines.charge_id') }} as line_key,
        lines.corrects_line_key,
        {{ stable_group_key('lines.group_key', 'lines.subscription_id') }} as group_key,
        lines.kind,
        lines.description,
        lines.subscription_id,
        lines.charge_id,
        lines.meter,
        lines.product,
        documents.sign * lines.amount_minor as amount_minor,
        documents.sign * lines.tax_minor as tax_minor,
        lines.tax_code,
        cast(lines.tax_rate as {{ rate_type() }}) as tax_rate,
        lines.event_count,
        lines.service_period_start,
        lines.service_period_end,
        lines.billing_month,
        lines.receivable_account,
        lines.revenue_account,
        lines.deferred_account,
        lines.tax_account,
        lines.rounding_account,
        lines.selling_entity,
        cast(lines.transfer_share as {{ rate_type() }}) as transfer_share,
        lines.account_dimensions,
        lines.credits_expire_on,
        lines.country,
        -- Lines that were sealed before these facts were frozen had tax added to their price.
        coalesce(lines.tax_behavior, 'exclusive') as tax_behavior,
        lines.inclusive_tax_rounding,
        coalesce(lines.tax_treatment, 'taxed') as tax_treatment,
        lines.exemption_reason,
        lines.exemption_certificate,
        lines.customer_tax_id,
        lines.decision_id,
        -- What a person decided is no part of what rating issued, and what is to be billed again no longer is.
        documents.cause not in ({{ decision_causes() }}) and voided_invoices.invoice_key is null as counts_as_issued,
        lines.price_version,
        cast(lines.quantity as {{ quantity_type() }}) as quantity,
        lines.gross_minor,
        lines.discount_minor,
        lines.landing_position,
        lines.covered_events
    from lines
    inner join documents on lines.document_position = documents.document_position
    left join voided_invoices on coalesce(lines.invoice_key, documents.business_key) = voided_invoices.invoice_key
    {{ stable_keys_of_issued_lines('lines.line_key', 'lines.subscription_id', 'lines.charge_id') }}
)

select * from final
{%- endmacro %}

{#- The two documents that correct a misposting, as the register has them (records.CORRECTION_CAUSES). They follow from no data, and add up to
    nothing: what is computed is compared without them, what is in the books with them. -#}
{% macro correction_causes() %}'misposting_reversed', 'misposting_reposted'{% endmacro %}

{% macro of_revision(key) -%}
    {#- The key of an entry, or of a line of it, told apart from the revisions before it. -#}
    case
        when documents.revision = 1 then {{ key }}
        else {{ dbt.concat(["journal_lines.natural_id", "':revision:'", "cast(documents.revision as varchar)", "substr(" ~ key ~ ", length(journal_lines.natural_id) + 1)"]) }}
    end
{%- endmacro %}

{% macro register_journal_lines(phase, documents) -%}
{#- The lines of sealed journal entries, each with the entry that it is of: a summary holds many. -#}
with

lines as (
    select * from {{ source('register_' ~ phase, 'journal_lines') }}
),

documents as (
    select * from {{ documents }}
    where state <> 'cancelled'
),

final as (
    select
        documents.document_position,
        documents.business_key,
        documents.system,
        coalesce(lines.natural_id, documents.natural_id) as natural_id,
        documents.entity,
        documents.period,
        documents.posting_date,
        documents.currency,
        documents.reference,
        documents.state,
        documents.cause,
        lines.source_document,
        lines.event,
        lines.reverses,
        lines.exchange_rate,
        lines.payment_method,
        lines.line_key,
        coalesce(lines.posted_line_key, lines.line_key) as posted_line_key,
        lines.account,
        lines.dimensions,
        lines.side,
        lines.amount_minor,
        lines.functional_minor,
        lines.customer_id,
        lines.partner_entity,
        lines.source_line_key,
        lines.service_period_start,
        lines.service_period_end
    from lines
    inner join documents on lines.document_position = documents.document_position
    {%- if phase != 'closing' %}
        where documents.cause not in ({{ correction_causes() }})
    {%- endif %}
)

select * from final
{%- endmacro %}

{% macro register_journal_entries(phase, documents) -%}
{#- The sealed journal entries, on their own or in a summary, without what corrects a misposting. -#}
with

lines as (
    {{ register_journal_lines(phase, documents) }}
),

final as (
    select
        lines.document_position,
        lines.business_key,
        lines.entity,
        lines.natural_id,
        lines.event,
        lines.source_document,
        lines.reverses,
        lines.posting_date,
        lines.period,
        lines.currency,
        lines.exchange_rate,
        lines.payment_method,
        lines.state,
        {{ sum_whole("case when lines.side = 'debit' then lines.amount_minor else 0 end") }} as debit_minor
    from lines
    where lines.cause not in ({{ correction_causes() }})
    group by
        lines.document_position,
        lines.business_key,
        lines.entity,
        lines.natural_id,
        lines.event,
        lines.source_document,
        lines.reverses,
        lines.posting_date,
        lines.period,
        lines.currency,
        lines.exchange_rate,
        lines.payment_method,
        lines.state
)

select * from final
{%- endmacro %}

{% macro register_credit_applications(phase, documents) -%}
{#- What issued invoices drew from each grant, and (negative) what credit memos gave back to it. -#}
with

credits as (
    select * from {{ source('register_' ~ phase, 'credit_applications') }}
),

documents as (
    select * from {{ documents }}
    where state <> 'cancelled'
),

final as (
    select
        documents.document_position,
        documents.business_key,
        documents.document_type,
        documents.entity,
        documents.period,
        documents.currency,
        documents.number,
        documents.document_date,
        documents.posting_date,
        credits.customer_id,
        credits.invoice_key,
        credits.grant_id,
        credits.kind,
        credits.account,
        credits.place,
        case when documents.document_type = 'credit_memo' then -1 else 1 end * credits.amount_minor as amount_minor
    from credits
    inner join documents on credits.document_position = documents.document_position
)

select * from final
{%- endmacro %}
