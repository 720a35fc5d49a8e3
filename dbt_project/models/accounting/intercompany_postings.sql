with

intercompany_lines as (
    select * from {{ ref('intercompany_lines') }}
    where transfer_minor <> 0
),

documents as (
    select * from {{ ref('canonical_documents') }}
    where hold_reason is null
),

entities as (
    select * from {{ ref('stg_register_issued__entities') }}
),

exchange_rates as (
    select * from {{ ref('stg_finance__exchange_rates') }}
),

mappings as (
    select * from {{ ref('stg_finance__account_mappings') }}
),

accounts as (
    select * from {{ ref('stg_finance__accounts') }}
),

sealed_journals as (
    select
        natural_id,
        max(posting_date) as posting_date
    from {{ ref('stg_register_issued__journal_entries') }}
    group by natural_id
),

transfers as (
    select
        business_key,
        contracting_entity,
        selling_entity,
        {{ sum_whole('transfer_minor') }} as amount_minor
    from intercompany_lines
    group by
        business_key,
        contracting_entity,
        selling_entity
),

pairs as (
    select
        {{ dbt.concat(["documents.document_type", "':'", "documents.natural_id", "':intercompany:'", "transfers.contracting_entity", "':'", "transfers.selling_entity"]) }} as natural_id,
        transfers.business_key as source_document,
        transfers.contracting_entity,
        transfers.selling_entity,
        transfers.amount_minor,
        documents.posting_date,
        documents.currency,
        documents.functional_currency as contracting_currency,
        documents.exchange_rate as contracting_rate,
        -- A credit inherits: accounts and rates are those of the day of its invoice.
        invoices.document_date as resolved_on
    from transfers
    inner join documents on transfers.business_key = documents.business_key
    inner join documents as invoices on documents.invoice_key = invoices.business_key
),

-- Both halves in one period: that of the document, or the first month that is open in both entities. What is sealed of the one decides for the other.
dated as (
    select
        pairs.*,
        coalesce(
            sealed_journals.posting_date,
            greatest(
                pairs.posting_date,
                coalesce(contracting.first_open_month, pairs.posting_date),
                coalesce(selling.first_open_month, pairs.posting_date)
            )
        ) as pair_posting_date,
        selling.functional_currency as selling_currency
    from pairs
    left join entities as contracting on pairs.contracting_entity = contracting.entity
    left join entities as selling on pairs.selling_entity = selling.entity
    left join sealed_journals on pairs.natural_id = sealed_journals.natural_id
),

wanted_rates as (
    select distinct
        currency,
        selling_currency as functional_currency,
        resolved_on
    from dated
),

recent_rates as (
    {{ recent_exchange_rates('wanted_rates', 'exchange_rates', 'resolved_on') }}
),

rated as (
    select
        dated.*,
        case
            when dated.selling_currency <> dated.currency and dated.selling_currency = dated.contracting_currency then dated.contracting_rate
            else {{ decimal_text('recent_rates.exchange_rate') }}
        end as selling_rate
    from dated
    left join recent_rates
        on
            dated.currency = recent_rates.currency
            and dated.selling_currency = recent_rates.functional_currency
            and dated.resolved_on = recent_rates.resolved_on
),

halves as (
    {% for own, other, balance_role, result_role in [
        ("contracting", "selling", "'payable'", "'expense'"),
        ("selling", "contracting", "'receivable'", "'revenue'"),
    ] %}
        select
            natural_id,
            source_document,
            {{ own }}_entity as entity,
            {{ other }}_entity as partner_entity,
            {{ balance_role }} as balance_role,
            {{ result_role }} as result_role,
            pair_posting_date as posting_date,
            {{ month_start('resolved_on') }} as document_month,
            currency,
            {{ own }}_currency as functional_currency,
            {{ own }}_rate as exchange_rate,
            amount_minor
        from rated
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- It is of a document as a whole, so that only mappings for all products serve it.
wanted as (
    select distinct
        entity,
        '*' as product,
        document_month,
        {{ add_days(add_months('document_month', 1), -1) }} as document_date
    from halves
),

mapped as (
    {{ mapped_accounts('wanted', 'mappings', 'accounts', event="'intercompany_charged'") }}
),

resolved as (
    select
        halves.*,
        balance_accounts.account_code as balance_account,
        result_accounts.account_code as result_account,
        rounding_accounts.account_code as rounding_account,
        balance_accounts.dimensions as balance_dimensions,
        result_accounts.dimensions as result_dimensions,
        case
            when halves.exchange_rate is null then 'missing_exchange_rate'
            when coalesce(balance_accounts.hold_reason, result_accounts.hold_reason, rounding_accounts.hold_reason) is not null
                then coalesce(balance_accounts.hold_reason, result_accounts.hold_reason, rounding_accounts.hold_reason)
            when
                balance_accounts.account_code is null or result_accounts.account_code is null or rounding_accounts.account_code is null
                then 'missing_account_mapping'
        end as own_hold_reason
    from halves
    left join mapped as balance_accounts
        on
            halves.entity = balance_accounts.entity
            and halves.document_month = balance_accounts.document_month
            and balance_accounts.posting_role = {{ dbt.concat(["'intercompany_'", 'halves.balance_role']) }}
    left join mapped as result_accounts
        on
            halves.entity = result_accounts.entity
            and halves.document_month = result_accounts.document_month
            and result_accounts.posting_role = {{ dbt.concat(["'intercompany_'", 'halves.result_role']) }}
    left join mapped as rounding_accounts
        on
            halves.entity = rounding_accounts.entity
            and halves.document_month = rounding_accounts.document_month
            and rounding_accounts.posting_role = 'currency_rounding'
),

-- What holds one half holds both.
final as (
    select
        natural_id,
        source_document,
        entity,
        partner_entity,
        balance_role,
        result_role,
        posting_date,
        {{ period_of('posting_date') }} as period,
        currency,
        functional_currency,
        exchange_rate,
        amount_minor,
        balance_account,
        result_account,
        rounding_account,
        balance_dimensions,
        result_dimensions,
        min(own_hold_reason) over (partition by natural_id) as hold_reason
    from resolved
)

select * from final
