with

-- One line per source.
refused as (
    {{ refused_rows(ref('stg_billing__refused_prices'), "'prices'", "'price ' || price_id || ' version ' || price_version") }}
    union all
    {{ refused_rows(ref('unused_prices'), "'prices'", "'price ' || price_id || ' version ' || price_version") }}
    union all
    {{ refused_rows(ref('stg_crm__customers'), "'customers'", "'customer ' || customer_id") }}
    union all
    {{ refused_rows(ref('stg_billing__plans'), "'plans'", "'plan ' || plan_id") }}
    union all
    {{ refused_rows(ref('stg_billing__plan_patterns'), "'plan_patterns'", "'plan ' || plan_id") }}
    union all
    {{ refused_rows(ref('stg_crm__key_aliases'), "'key_aliases'", "coalesce(kind || ' ', '') || old_key") }}
    union all
    {{ refused_rows(ref('stg_billing__credit_grants'), "'credit_grants'", "'grant ' || grant_id") }}
    union all
    {{ refused_rows(ref('stg_finance__payments'), "'payments'", "'payment ' || payment_id") }}
    union all
    {{ refused_rows(ref('stg_product__control_totals'), "'control_totals'", "'totals of ' || coalesce(source_name, 'no source')", 'told_in') }}
    union all
    {{ refused_rows(ref('stg_finance__foreign_entries'), "'foreign_entries'", "'entry ' || coalesce(entry_number, 'without number')") }}
    union all
    {{ refused_rows(ref('stg_cutover__open_items'), "'opening_invoices'", "'opening invoice ' || coalesce(number, 'without number')") }}
    union all
    {{ refused_rows(ref('stg_cutover__deferred_revenue'), "'opening_deferred_revenue'", "'deferral ' || coalesce(deferral_id, 'without id')") }}
    union all
    {{ refused_rows(ref('stg_cutover__billed_lines'), "'opening_billed_lines'", "'billed line ' || coalesce(line_key, 'without key')") }}
    union all
    {{ refused_rows(ref('stg_cutover__balances'), "'opening_balances'", "'balance of ' || coalesce(account_code, 'no account') || ' in ' || coalesce(currency, 'no currency')") }}
    union all
    {{ refused_rows(ref('stg_finance__refused_tax_rates'), 'relation', "coalesce('customer ' || customer_id, 'entity ' || entity, relation)") }}
    union all
    {{ refused_rows(ref('stg_finance__intercompany_agreements'), "'intercompany_agreements'", "'entity ' || entity || ' product ' || product") }}
    union all
    {{ refused_rows(ref('stg_finance__books'), "'books'", "'book ' || coalesce(book, 'without name')") }}
    union all
    {{ refused_rows(ref('stg_finance__accounts'), "'accounts'", "'account ' || account_code || ' of ' || entity") }}
    union all
    {{ refused_rows(ref('stg_finance__account_mappings'), "'account_mappings'", "'mapping ' || mapping_id || ' version ' || mapping_version") }}
    union all
    {{ refused_rows(ref('refused_charges'), "'charges'", "'charge ' || charge_id") }}
    union all
    {{ refused_rows(ref('refused_meters'), "'meters'", "'meter ' || meter") }}
    union all
    {{ refused_rows(ref('refused_subscriptions'), "'subscriptions'", "'subscription ' || subscription_id || ' version ' || subscription_version") }}
),

rules as (
    select * from {{ ref('reference_rules') }}
),

final as (
    select distinct
        refused.source,
        refused.file_name,
        refused.line_number,
        refused.subject,
        refused.rule,
        coalesce(rules.meaning, refused.rule) as meaning,
        coalesce(rules.what_to_do, 'Correct the row and deliver it in a new file') as what_to_do
    from refused
    left join rules on refused.rule = rules.rule
)

select * from final
