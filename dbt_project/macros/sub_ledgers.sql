{#- What the sub-ledgers have in common: a balance that stands from period to period, and its tie to the accounts of the general ledger. -#}

{% macro rolled_forward(movements, keys, measures) -%}
    {#- One row per period of the entity and key, from the first that moved it: its movements, what stood before them (opening_minor) and after
        (closing_minor). ``movements`` has entity, period, the keys and the measures, each signed as it changes the balance. -#}
    select
        spine.entity,
        spine.period,
        {% for key in keys %}spine.{{ key }},
        {% endfor -%}
        cast(coalesce(sum({{ net_movement(measures) }}) over (
            partition by spine.entity{% for key in keys %}, spine.{{ key }}{% endfor %}

            order by spine.period asc
            rows between unbounded preceding and 1 preceding
        ), 0) as bigint) as opening_minor,
        {% for measure in measures %}cast(coalesce(moved.{{ measure }}, 0) as bigint) as {{ measure }},
        {% endfor -%}
        cast(sum({{ net_movement(measures) }}) over (
            partition by spine.entity{% for key in keys %}, spine.{{ key }}{% endfor %}

            order by spine.period asc
            rows between unbounded preceding and current row
        ) as bigint) as closing_minor
    from (
        select
            first_moved.*,
            periods.period
        from (
            select
                entity,
                {% for key in keys %}{{ key }},
                {% endfor -%}
                min(period) as first_period
            from {{ movements }}
            group by
                entity{% for key in keys %},
                {{ key }}{% endfor %}

        ) as first_moved
        inner join {{ ref('sub_ledger_periods') }} as periods
            on
                first_moved.entity = periods.entity
                and first_moved.first_period <= periods.period
    ) as spine
    left join {{ movements }} as moved
        on
            spine.entity = moved.entity
            and spine.period = moved.period
            {% for key in keys -%}
            and spine.{{ key }} = moved.{{ key }}
            {% endfor %}
{%- endmacro %}

{% macro net_movement(measures) -%}
    {% for measure in measures %}coalesce(moved.{{ measure }}, 0){{ ' + ' if not loop.last }}{% endfor %}
{%- endmacro %}

{% macro sub_ledger_breaks(sub_ledger, account_column=none, kinds=none) -%}
    {#- One row per legal entity, period, account and currency in which the sub-ledgers and the general ledger leave another balance. The accounts are
        those that are frozen on the issued lines, so that a changed mapping ties as well. An account may serve several sub-ledgers: all of them
        count, as long as the one that is asked for is among them. -#}
with

sub_ledger_balances as (
    select * from {{ ref('sub_ledger_balances') }}
),

tied_accounts as (
    {% if account_column %}
    select
        entity,
        {{ account_column }} as account
    from {{ ref('canonical_document_lines') }}
    {% if kinds %}where kind {{ kinds }}{% endif %}
    union
    {% endif %}
    select distinct
        entity,
        account
    from sub_ledger_balances
    where sub_ledger = '{{ sub_ledger }}'
),

{{ account_breaks('sub_ledger_balances', 'tied_accounts') }}
{%- endmacro %}

{% macro account_breaks(balances, tied_accounts) -%}
    {#- The end of a query: one row per legal entity, period, tied account and currency in which ``balances`` (entity, period, account, currency and
        closing_minor, debit positive) come to something else than the general ledger. Periods that no journal has reached yet are not compared, and
        an entry that the ledger refused for good counts as if it stood there: K6 lists it and keeps the period open. -#}
account_balances as (
    select * from {{ ref('account_balances') }}
),

refused_lines as (
    {{ refused_journal_lines() }}
),

sub_ledger_side as (
    select
        entity,
        period,
        account,
        currency,
        {{ sum_whole('closing_minor') }} as closing_minor
    from {{ balances }}
    group by
        entity,
        period,
        account,
        currency
),

last_periods as (
    select
        entity,
        max(period) as last_period
    from account_balances
    group by entity
),

compared as (
    select
        coalesce(sub_ledger_side.entity, account_balances.entity) as entity,
        coalesce(sub_ledger_side.period, account_balances.period) as period,
        coalesce(sub_ledger_side.account, account_balances.account) as account,
        coalesce(sub_ledger_side.currency, account_balances.currency) as currency,
        coalesce(sub_ledger_side.closing_minor, 0) as sub_ledger_minor,
        coalesce(account_balances.closing_minor, 0) as ledger_minor
    from sub_ledger_side
    full outer join account_balances
        on
            sub_ledger_side.entity = account_balances.entity
            and sub_ledger_side.period = account_balances.period
            and sub_ledger_side.account = account_balances.account
            and sub_ledger_side.currency = account_balances.currency
),

refused as (
    select
        compared.entity,
        compared.period,
        compared.account,
        compared.currency,
        {{ sum_whole('refused_lines.signed_minor') }} as refused_minor
    from compared
    inner join refused_lines
        on
            compared.entity = refused_lines.entity
            and compared.account = refused_lines.account
            and compared.currency = refused_lines.currency
            and compared.period >= refused_lines.period
    group by
        compared.entity,
        compared.period,
        compared.account,
        compared.currency
)

select
    compared.entity,
    compared.period,
    compared.currency,
    compared.account,
    compared.sub_ledger_minor,
    compared.ledger_minor + coalesce(refused.refused_minor, 0) as ledger_minor,
    compared.sub_ledger_minor - compared.ledger_minor - coalesce(refused.refused_minor, 0) as difference_minor
from compared
inner join {{ tied_accounts }} as tied
    on
        compared.entity = tied.entity
        and compared.account = tied.account
inner join last_periods
    on
        compared.entity = last_periods.entity
        and compared.period <= last_periods.last_period
left join refused
    on
        compared.entity = refused.entity
        and compared.period = refused.period
        and compared.account = refused.account
        and compared.currency = refused.currency
where compared.sub_ledger_minor <> compared.ledger_minor + coalesce(refused.refused_minor, 0)
{%- endmacro %}

{% macro refused_journal_lines() -%}
    {#- The lines of sealed entries that the ledger refused for good, debit positive. -#}
    select
        entity,
        period,
        account,
        currency,
        event,
        case when side = 'debit' then amount_minor else -amount_minor end as signed_minor
    from {{ ref('stg_register_closing__journal_lines') }}
    where state = 'rejected'
{%- endmacro %}

{% macro account_and_list_breaks(account_breaks, list_breaks, listed_as) -%}
    {#- The breaks of a sub-ledger with its account, and with the list of what it is made of: a relation with entity, period, currency, account,
        closing_minor and listed_minor. -#}
    select
        'account' as compared_with,
        entity,
        period,
        currency,
        account,
        sub_ledger_minor,
        ledger_minor as other_minor,
        difference_minor
    from {{ account_breaks }}
    union all
    select
        '{{ listed_as }}' as compared_with,
        entity,
        period,
        currency,
        account,
        closing_minor as sub_ledger_minor,
        listed_minor as other_minor,
        closing_minor - listed_minor as difference_minor
    from {{ list_breaks }}
    where closing_minor <> listed_minor
{%- endmacro %}
