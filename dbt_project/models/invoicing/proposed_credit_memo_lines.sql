with

credited_pieces as (
    select * from {{ ref('credited_pieces') }}
),

stopped_gates as (
    select * from {{ ref('run_gates') }}
    where is_stopped
),

delta_causes as (
    select * from {{ ref('delta_causes') }}
),

decisions as (
    select * from {{ ref('decisions') }}
),

decision_credits as (
    select * from {{ ref('decision_credits') }}
),

issued_lines as (
    select * from {{ ref('issued_line_balances') }}
),

issued_documents as (
    select * from {{ ref('stg_register_opening__documents') }}
),

memo_counts as (
    select
        subtracted_key,
        period,
        count(*) as issued_count
    from issued_documents
    where document_type = 'credit_memo'
    group by
        subtracted_key,
        period
),

keyed as (
    select
        credited_pieces.*,
        delta_causes.cause,
        {{ dbt.concat(["'stripe/'", "credited_pieces.entity", "'/account/'", "credited_pieces.bill_to_customer_id"]) }} as subtracted_key,
        dense_rank() over (
            partition by credited_pieces.entity, credited_pieces.bill_to_customer_id, credited_pieces.document_month
            order by credited_pieces.document_position asc
        ) as memo_rank
    from credited_pieces
    inner join delta_causes on credited_pieces.line_key = delta_causes.line_key
    left join stopped_gates
        on
            credited_pieces.entity = stopped_gates.entity
            and delta_causes.cause = stopped_gates.cause
            and credited_pieces.document_month = stopped_gates.document_month
            and stopped_gates.customer_id in ('*', credited_pieces.customer_id)
    where stopped_gates.cause is null
),

numbered as (
    select
        keyed.*,
        cast(coalesce(memo_counts.issued_count, 0) + keyed.memo_rank as varchar) as memo_number
    from keyed
    left join memo_counts
        on
            keyed.subtracted_key = memo_counts.subtracted_key
            and {{ period_of('keyed.document_month') }} = memo_counts.period
),

corrections as (
    select
        {{ dbt.concat(["bill_to_customer_id", "':'", period_of('document_month'), "':'", "memo_number"]) }} as natural_id,
        {{ dbt.concat(["line_key", "'@'", "bill_to_customer_id", "':'", period_of('document_month'), "':credit:'", "memo_number"]) }} as document_line_key,
        document_line_key as corrects_line_key,
        document_month,
        current_period_end,
        quantity,
        event_count,
        price_version,
        amount_precise,
        fingerprint,
        credit_minor,
        credit_tax_minor,
        charged_minor,
        cause,
        cast(null as varchar) as decision_id,
        cast(null as varchar) as disposition,
        cast(null as bigint) as refund_amount_minor,
        cast(null as bigint) as out_of_band_amount_minor,
        cast(null as varchar) as decision_reason,
        gross_minor,
        discount_minor
    from numbered
),

decided as (
    select
        {{ decision_natural_id('decision_credits.decision_id') }} as natural_id,
        {{ dbt.concat(["decision_credits.document_line_key", "'@decision:'", "decision_credits.decision_id"]) }} as document_line_key,
        decision_credits.document_line_key as corrects_line_key,
        decisions.document_month,
        cast(null as date) as current_period_end,
        cast(null as {{ quantity_type() }}) as quantity,
        cast(null as bigint) as event_count,
        cast(null as varchar) as price_version,
        cast(null as {{ precise_amount_type() }}) as amount_precise,
        cast(null as varchar) as fingerprint,
        decision_credits.credit_minor,
        decision_credits.credit_tax_minor,
        cast(null as bigint) as charged_minor,
        decisions.cause,
        decision_credits.decision_id,
        decisions.disposition,
        decisions.refund_amount_minor,
        decisions.out_of_band_amount_minor,
        decisions.reason as decision_reason,
        cast(null as bigint) as gross_minor,
        cast(null as bigint) as discount_minor
    from decision_credits
    inner join decisions on decision_credits.decision_id = decisions.decision_id
    left join stopped_gates
        on
            decisions.entity = stopped_gates.entity
            and decisions.cause = stopped_gates.cause
            and decisions.document_month = stopped_gates.document_month
    where stopped_gates.cause is null
),

credited as (
    select * from corrections
    union all
    select * from decided
),

-- Every credit inherits the facts that are frozen on the line that it corrects.
final as (
    select
        credited.natural_id,
        credited.document_line_key,
        issued_lines.line_key,
        credited.corrects_line_key,
        issued_lines.business_key as invoice_key,
        issued_lines.number as invoice_number,
        issued_lines.group_key,
        issued_lines.kind,
        issued_lines.customer_id,
        issued_lines.bill_to_customer_id,
        issued_lines.entity,
        issued_lines.currency,
        issued_lines.functional_currency,
        issued_lines.exchange_rate,
        issued_lines.exchange_rate_date,
        issued_lines.subscription_id,
        issued_lines.charge_id,
        issued_lines.meter,
        issued_lines.product,
        issued_lines.description,
        -- A service that ends early is taken back for the days that it was not served.
        case
            when
                issued_lines.kind = 'fee'
                and credited.current_period_end > issued_lines.service_period_start
                and credited.current_period_end < issued_lines.service_period_end
                then credited.current_period_end
            else issued_lines.service_period_start
        end as service_period_start,
        issued_lines.service_period_end,
        issued_lines.billing_month,
        credited.document_month,
        {{ add_days(add_months('credited.document_month', 1), -1) }} as document_date,
        credited.quantity,
        credited.event_count,
        credited.price_version,
        credited.amount_precise,
        credited.fingerprint,
        credited.credit_minor as amount_minor,
        issued_lines.country,
        issued_lines.tax_code,
        issued_lines.tax_behavior,
        issued_lines.inclusive_tax_rounding,
        issued_lines.tax_treatment,
        issued_lines.exemption_reason,
        issued_lines.exemption_certificate,
        issued_lines.customer_tax_id,
        issued_lines.tax_rate,
        credited.credit_tax_minor as tax_minor,
        coalesce(credited.charged_minor, {{ charged_amount('credited.credit_minor', 'credited.credit_tax_minor', 'issued_lines.tax_behavior') }}) as charged_minor,
        issued_lines.receivable_account,
        issued_lines.revenue_account,
        issued_lines.deferred_account,
        issued_lines.tax_account,
        issued_lines.rounding_account,
        issued_lines.selling_entity,
        issued_lines.transfer_share,
        issued_lines.account_dimensions,
        {{ dbt.concat(["'stripe/'", "issued_lines.entity", "'/account/'", "issued_lines.bill_to_customer_id"]) }} as subtracted_key,
        credited.cause,
        credited.decision_id,
        credited.disposition,
        credited.refund_amount_minor,
        credited.out_of_band_amount_minor,
        credited.decision_reason,
        credited.gross_minor,
        credited.discount_minor
    from credited
    inner join issued_lines on credited.corrects_line_key = issued_lines.document_line_key
)

select * from final
