{#- Prepaid credits, read in the phases of a close as the register is: what was granted is delivered, or bought on an issued invoice; what was
    applied is frozen on the documents. -#}

{% macro credit_grants(billing_lines, openings) -%}
{#- One row per grant. A line that bought credits grants its amount before tax, less what credit memos took back of it. -#}
with

delivered as (
    select * from {{ ref('stg_billing__credit_grants') }}
    where violation is null
),

customers as (
    select * from {{ ref('stg_crm__customers') }}
),

openings as (
    select * from {{ openings }}
    where opening = 'prepaid_credit'
),

bought_lines as (
    select
        billing_lines.*,
        coalesce(corrects_line_key, document_line_key) as grant_id
    from {{ billing_lines }} as billing_lines
    where kind = 'prepaid'
),

bought as (
    select
        grant_id,
        min(bill_to_customer_id) as customer_id,
        min(entity) as entity,
        min(currency) as currency,
        min(product) as product,
        {{ sum_whole('amount_minor') }} as granted_minor,
        min(case when document_type = 'invoice' then service_period_start end) as granted_on,
        min(case when document_type = 'invoice' then credits_expire_on end) as expires_on,
        min(case when document_type = 'invoice' then revenue_account end) as liability_account
    from bought_lines
    group by grant_id
),

final as (
    select
        delivered.grant_id,
        'delivered' as origin,
        delivered.customer_id,
        customers.entity,
        delivered.currency,
        delivered.kind,
        delivered.product,
        delivered.granted_minor,
        delivered.granted_on,
        delivered.expires_on,
        delivered.priority,
        -- What was opened at cutover is taken off the account that it was opened on.
        openings.account as liability_account
    from delivered
    inner join customers on delivered.customer_id = customers.customer_id
    left join openings on delivered.grant_id = openings.grant_id
    where customers.entity is not null
    union all
    select
        grant_id,
        'bought' as origin,
        customer_id,
        entity,
        currency,
        'paid' as kind,
        product,
        granted_minor,
        granted_on,
        expires_on,
        0 as priority,
        liability_account
    from bought
)

select * from final
{%- endmacro %}

{% macro credit_balances(grants, applications) -%}
{#- One row per grant with what was applied and restored of it, whether or not it has expired. -#}
    select
        grants.*,
        coalesce(applied.applied_minor, 0) as applied_minor,
        coalesce(applied.restored_minor, 0) as restored_minor,
        greatest(grants.granted_minor - coalesce(applied.applied_minor, 0) + coalesce(applied.restored_minor, 0), 0) as balance_minor
    from {{ grants }} as grants
    left join (
        select
            grant_id,
            {{ sum_whole('case when amount_minor > 0 then amount_minor else 0 end') }} as applied_minor,
            {{ sum_whole('case when amount_minor < 0 then -amount_minor else 0 end') }} as restored_minor
        from {{ applications }}
        group by grant_id
    ) as applied on grants.grant_id = applied.grant_id
{%- endmacro %}

{% macro credit_json(alias) -%}
    {{ json_object({
        "grant_id": alias ~ ".grant_id",
        "kind": alias ~ ".kind",
        "account": alias ~ ".account",
        "place": alias ~ ".place",
        "amount_minor": alias ~ ".amount_minor",
    }) }}
{%- endmacro %}

{% macro credit_role(kind) -%}
    {#- Credits that were paid for are owed to the customer; those that were given away reduce what the company earns. -#}
    case {{ kind }} when 'paid' then 'contract_liability' else 'promotional_credit' end
{%- endmacro %}
