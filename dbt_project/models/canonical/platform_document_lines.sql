with

invoices as (
    select * from {{ ref('platform_invoices') }}
),

invoice_lines as (
    select * from {{ ref('stg_platform__invoice_lines') }}
),

credit_notes as (
    select * from {{ ref('stg_platform__credit_notes') }}
),

credit_note_lines as (
    select * from {{ ref('stg_platform__credit_note_lines') }}
),

charges as (
    select * from {{ ref('stg_billing__charges') }}
),

accounts as (
    select * from {{ ref('platform_accounts') }}
),

agreements as (
    select * from {{ ref('stg_finance__intercompany_agreements') }}
),

-- Who sells a product is said for the date of the invoice; what corrects the invoice inherits it.
wanted_sellers as (
    select distinct
        invoices.entity,
        coalesce(charges.product, '*') as product,
        {{ month_start('invoices.document_date') }} as document_month,
        invoices.document_date
    from invoices
    inner join invoice_lines
        on
            invoices.entity = invoice_lines.entity
            and invoices.remote_id = invoice_lines.remote_id
    left join charges on invoice_lines.charge_id = charges.charge_id
),

ranked_sellers as (
    {{ ranked_agreements('wanted_sellers', 'agreements') }}
),

customers as (
    select * from {{ ref('stg_crm__customers') }}
),

charged as (
    select
        invoices.business_key as invoice_key,
        invoices.entity,
        invoices.remote_id,
        invoices.is_void,
        invoice_lines.remote_line_id,
        coalesce(invoice_lines.subscription_id, invoices.subscription_id) as subscription_id,
        invoice_lines.charge_id,
        charges.meter,
        coalesce(charges.product, '*') as product,
        coalesce(charges.tax_code, 'platform') as tax_code,
        case when coalesce(invoice_lines.usage_type, 'metered') = 'metered' then 'usage' else 'fee' end as kind,
        coalesce(invoice_lines.description, charges.description, 'without description') as description,
        invoice_lines.quantity,
        invoice_lines.amount_minor,
        invoice_lines.tax_minor,
        invoice_lines.tax_rate,
        invoice_lines.period_start as service_period_start,
        greatest(invoice_lines.period_end, {{ add_days('invoice_lines.period_start', 1) }}) as service_period_end,
        row_number() over (partition by invoices.entity, invoices.remote_id order by invoice_lines.remote_line_id asc) as place,
        accounts.receivable_account,
        case
            when coalesce(invoice_lines.usage_type, 'metered') = 'metered' then accounts.usage_revenue_account
            else accounts.subscription_revenue_account
        end as revenue_account,
        accounts.deferred_account,
        accounts.tax_account,
        accounts.rounding_account,
        {{ selling_entity('ranked_sellers') }} as selling_entity,
        {{ transfer_share('ranked_sellers') }} as transfer_share,
        ranked_sellers.violation as agreement_violation,
        {{ account_dimensions({
            "receivable": "accounts.receivable_dimensions",
            "revenue": "case when coalesce(invoice_lines.usage_type, 'metered') = 'metered' then accounts.usage_revenue_dimensions else accounts.subscription_revenue_dimensions end",
            "deferred": "accounts.deferred_dimensions",
            "tax": "accounts.tax_dimensions",
            "rounding": "accounts.rounding_dimensions",
        }) }} as account_dimensions,
        accounts.hold_reason as account_hold_reason
    from invoices
    inner join invoice_lines
        on
            invoices.entity = invoice_lines.entity
            and invoices.remote_id = invoice_lines.remote_id
    left join charges on invoice_lines.charge_id = charges.charge_id
    left join customers on invoices.customer_id = customers.customer_id
    left join accounts
        on
            invoices.entity = accounts.entity
            and coalesce(charges.product, '*') = accounts.product
            and coalesce(customers.country, '*') = accounts.country
            and {{ month_start('invoices.document_date') }} = accounts.document_month
    left join ranked_sellers
        on
            invoices.entity = ranked_sellers.entity
            and coalesce(charges.product, '*') = ranked_sellers.product
            and invoices.document_date = ranked_sellers.document_date
            and ranked_sellers.preference = 1
),

-- A credit note's line stands on a line of the invoice; one that names none takes the accounts of the first.
credited as (
    select
        credit_notes.entity,
        credit_notes.remote_id,
        credit_notes.status as credit_note_status,
        credit_note_lines.remote_line_id,
        credit_note_lines.amount_minor,
        credit_note_lines.tax_minor,
        charged.invoice_key,
        charged.remote_id as invoice_remote_id,
        charged.is_void,
        charged.remote_line_id as corrects_line_key,
        charged.subscription_id,
        charged.charge_id,
        charged.meter,
        charged.product,
        charged.tax_code,
        charged.kind,
        charged.description,
        charged.tax_rate,
        charged.service_period_start,
        charged.service_period_end,
        charged.receivable_account,
        charged.revenue_account,
        charged.deferred_account,
        charged.tax_account,
        charged.rounding_account,
        charged.selling_entity,
        charged.transfer_share,
        charged.agreement_violation,
        charged.account_dimensions,
        charged.account_hold_reason
    from credit_notes
    inner join credit_note_lines
        on
            credit_notes.entity = credit_note_lines.entity
            and credit_notes.remote_id = credit_note_lines.remote_id
    inner join charged
        on
            credit_notes.entity = charged.entity
            and credit_notes.invoice_remote_id = charged.remote_id
            and (
                credit_note_lines.invoice_line_remote_id = charged.remote_line_id
                or (credit_note_lines.invoice_line_remote_id is null and charged.place = 1)
            )
),

-- Every document by its lines, signed: what is credited or taken back is negative. A void takes back the invoice and its credit notes.
signed as (
    {% for document in [
        {"type": "invoice", "event": "invoice_issued", "id": "remote_id", "suffix": "", "from": "charged", "reduces": false, "where": "true"},
        {"type": "credit_memo", "event": "credit_memo_issued", "id": "remote_id", "suffix": "", "from": "credited", "reduces": true, "where": "true"},
        {"type": "credit_memo", "event": "credit_memo_voided", "id": "remote_id", "suffix": ":void", "from": "credited", "reduces": false, "where": "credit_note_status = 'void'"},
        {"type": "credit_memo", "event": "invoice_voided", "id": "remote_id", "suffix": ":void", "from": "charged", "reduces": true, "where": "is_void"},
        {"type": "credit_memo", "event": "invoice_voided", "id": "invoice_remote_id", "suffix": ":void", "from": "credited", "reduces": false, "where": "is_void and credit_note_status <> 'void'"},
    ] %}
        select
            entity,
            invoice_key,
            '{{ document.type }}' as document_type,
            '{{ document.event }}' as issue_event,
            {{ document.id }} || '{{ document.suffix }}' as natural_id,
            remote_line_id || '{{ document.suffix }}' as remote_line_key,
            {{ "cast(null as varchar)" if document.event == "invoice_issued" else "remote_line_id" if document.suffix else "corrects_line_key" }} as corrects_line_key,
            subscription_id,
            charge_id,
            meter,
            product,
            tax_code,
            kind,
            description,
            {{ "-amount_minor as amount_minor" if document.reduces else "amount_minor" }},
            {{ "-tax_minor as tax_minor" if document.reduces else "tax_minor" }},
            tax_rate,
            service_period_start,
            service_period_end,
            receivable_account,
            revenue_account,
            deferred_account,
            tax_account,
            rounding_account,
            selling_entity,
            transfer_share,
            agreement_violation,
            account_dimensions,
            account_hold_reason
        from {{ document.from }}
        where {{ document.where }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

keyed as (
    select
        signed.*,
        {{ dbt.concat(["subscription_id", "'/'", "charge_id", "'/'", "cast(service_period_start as varchar)"]) }} as line_key
    from signed
),

-- The key of a line begins with what it bills, as on our own documents: who rates a period is read from sealed journals by it.
final as (
    select
        {{ dbt.concat(["'stripe/'", "entity", "'/'", "document_type", "'/'", "natural_id"]) }} as business_key,
        entity,
        invoice_key,
        document_type,
        issue_event,
        natural_id,
        {{ dbt.concat(["coalesce(line_key, 'without charge')", "'@'", "remote_line_key"]) }} as document_line_key,
        case when corrects_line_key is not null then {{ dbt.concat(["coalesce(line_key, 'without charge')", "'@'", "corrects_line_key"]) }} end as corrects_line_key,
        line_key,
        {{ dbt.concat(["subscription_id", "'/'", "cast(service_period_start as varchar)"]) }} as group_key,
        subscription_id,
        charge_id,
        meter,
        product,
        tax_code,
        kind,
        description,
        cast(amount_minor as bigint) as amount_minor,
        cast(tax_minor as bigint) as tax_minor,
        tax_rate,
        service_period_start,
        service_period_end,
        {{ month_start(add_days('service_period_end', -1)) }} as billing_month,
        receivable_account,
        revenue_account,
        deferred_account,
        tax_account,
        rounding_account,
        selling_entity,
        transfer_share,
        account_dimensions,
        case
            when account_hold_reason is not null then account_hold_reason
            when
                receivable_account is null or revenue_account is null or deferred_account is null
                or tax_account is null or rounding_account is null
                then 'missing_account_mapping'
            when agreement_violation is not null then 'refused_agreement'
        end as hold_reason
    from keyed
)

select * from final
