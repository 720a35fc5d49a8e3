{{ repeated_rows(
    'plans', source('raw_billing', 'plans'), ['plan_id'], ['name', 'anchor', 'period_unit', 'period_count']
) }}
union all
{{ repeated_rows(
    'charges', source('raw_billing', 'charges'), ['charge_id'],
    ['plan_id', 'kind', 'charge_model', 'meter', 'billing_timing', 'product', 'tax_code', 'description', 'grouped_by', 'applies_to']
) }}
union all
{{ repeated_rows(
    'meters', source('raw_billing', 'meters'), ['meter'],
    ['unit', 'aggregation', 'dimensions', 'counted_attribute', 'amount_attribute', 'bucket', 'largest_quantity']
) }}
union all
{{ repeated_rows(
    'prices', source('raw_billing', 'prices'), ['price_id', 'price_version', 'charge_id', 'currency', 'tier_up_to'],
    ['effective_from', 'effective_to', 'unit_price', 'flat_fee', 'tier_from', 'rate_percent', 'block_size', 'customer_id', 'dimensions']
) }}
union all
{{ repeated_rows('price_terms', source('raw_billing', 'price_terms'), ['price_id', 'price_version', 'term'], ['value']) }}
union all
{{ repeated_rows('key_aliases', source('raw_crm', 'key_aliases'), ['kind', 'old_key'], ['new_key', 'effective_from']) }}
union all
{{ repeated_rows(
    'intercompany_agreements', source('raw_finance', 'intercompany_agreements'), ['entity_id', 'product', 'effective_from'],
    ['selling_entity_id', 'transfer_share']
) }}
