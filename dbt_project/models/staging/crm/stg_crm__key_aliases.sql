with recursive

latest as (
    {{ latest_landed(source('raw_crm', 'key_aliases'), ['kind', 'old_key']) }}
),

subscriptions as (
    select
        subscription_id,
        max(landed_on) as last_landed_on
    from {{ source('raw_billing', 'subscriptions') }}
    group by subscription_id
),

charges as (
    select
        charge_id,
        max(landed_on) as last_landed_on
    from {{ source('raw_billing', 'charges') }}
    group by charge_id
),

customers as (
    select * from {{ ref('stg_crm__customers') }}
),

words as (
    select * from {{ ref('reference_words') }}
    where
        source = 'key_aliases'
        and attribute = 'kind'
),

repeated as (
    select distinct natural_key from {{ ref('repeated_reference_rows') }}
    where source = 'key_aliases'
),

-- An empty new key withdraws the alias.
typed as (
    select
        lower({{ trimmed('kind') }}) as kind,
        {{ trimmed('old_key') }} as old_key,
        {{ trimmed('new_key') }} as new_key,
        {{ safe_cast_to(blank_to_null('effective_from'), 'date') }} as effective_from,
        {{ natural_key(['kind', 'old_key']) }} as natural_key,
        file_name,
        line_number
    from latest
    where {{ blank_to_null('new_key') }} is not null
),

reached as (
    select
        kind,
        old_key,
        new_key as reached_key
    from typed
    union
    select
        reached.kind,
        reached.old_key,
        typed.new_key as reached_key
    from reached
    inner join typed
        on
            reached.kind = typed.kind
            and reached.reached_key = typed.old_key
),

cycles as (
    select
        kind,
        old_key
    from reached
    where old_key = reached_key
),

counted as (
    select
        typed.*,
        count(*) over (partition by typed.kind, typed.new_key) as former_count,
        case typed.kind when 'dimension' then {{ charge_of_key('typed.old_key') }} when 'charge' then typed.old_key end as old_charge_id,
        case typed.kind when 'dimension' then {{ charge_of_key('typed.new_key') }} when 'charge' then typed.new_key end as new_charge_id
    from typed
),

known as (
    select
        counted.*,
        coalesce(old_subscriptions.subscription_id, old_charges.charge_id, old_customers.customer_id) is not null
        and coalesce(new_subscriptions.subscription_id, new_charges.charge_id, new_customers.customer_id) is not null as are_known,
        coalesce(old_subscriptions.last_landed_on, case when counted.kind = 'charge' then old_charges.last_landed_on end) as old_landed_on,
        coalesce(old_customers.entity, '') <> coalesce(new_customers.entity, '') as are_of_other_entities,
        coalesce(old_customers.currency, '') <> coalesce(new_customers.currency, '') as are_of_other_currencies
    from counted
    left join subscriptions as old_subscriptions
        on
            counted.old_key = old_subscriptions.subscription_id
            and counted.kind = 'subscription'
    left join subscriptions as new_subscriptions
        on
            counted.new_key = new_subscriptions.subscription_id
            and counted.kind = 'subscription'
    left join charges as old_charges on counted.old_charge_id = old_charges.charge_id
    left join charges as new_charges on counted.new_charge_id = new_charges.charge_id
    left join customers as old_customers
        on
            counted.old_key = old_customers.customer_id
            and counted.kind = 'customer'
    left join customers as new_customers
        on
            counted.new_key = new_customers.customer_id
            and counted.kind = 'customer'
),

final as (
    select
        known.kind,
        known.old_key,
        known.new_key,
        known.effective_from,
        known.file_name,
        known.line_number,
        case
            when words.word is null then 'unknown_word'
            when known.effective_from is null then 'not_a_date'
            when repeated.natural_key is not null then 'stated_twice'
            when known.old_key = known.new_key then 'alias_of_itself'
            when cycles.old_key is not null then 'alias_cycle'
            when known.kind <> 'customer' and known.former_count > 1 then 'two_former_keys'
            when not known.are_known then 'unknown_key'
            when known.kind = 'dimension' and known.old_charge_id <> known.new_charge_id then 'alias_of_another_charge'
            when known.old_landed_on >= known.effective_from then 'both_keys_delivered'
            when known.kind = 'customer' and known.are_of_other_entities then 'merge_across_entities'
            when known.kind = 'customer' and known.are_of_other_currencies then 'merge_across_currencies'
        end as violation
    from known
    left join words on known.kind = words.word
    left join repeated on known.natural_key = repeated.natural_key
    left join cycles
        on
            known.kind = cycles.kind
            and known.old_key = cycles.old_key
)

select * from final
