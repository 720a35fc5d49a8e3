with

account_movements as (
    select * from {{ ref('stg_ledger__account_movements') }}
),

move_lines as (
    select * from {{ ref('stg_ledger__move_lines') }}
),

foreign_entries as (
    select * from {{ ref('foreign_entries') }}
    where status = 'listed'
),

owned_accounts as (
    select * from {{ ref('owned_accounts') }}
),

sealed_lines as (
    select * from {{ ref('stg_register_closing__journal_lines') }}
    -- What was carried over is in the ERP by the former system's entries.
    where
        state <> 'rejected'
        and system <> 'register'
),

entities as (
    select * from {{ ref('stg_crm__legal_entities') }}
),

listed as (
    select
        move_lines.entity,
        move_lines.period,
        move_lines.account_code,
        {{ sum_whole('move_lines.debit_minor') }} as debit_minor,
        {{ sum_whole('move_lines.credit_minor') }} as credit_minor,
        count(distinct foreign_entries.remote_id) as entry_count
    from move_lines
    inner join foreign_entries
        on
            move_lines.entity = foreign_entries.entity
            and move_lines.period = foreign_entries.period
            and move_lines.remote_id = foreign_entries.remote_id
    group by
        move_lines.entity,
        move_lines.period,
        move_lines.account_code
),

journals as (
    select
        entity,
        period,
        account,
        {{ sum_whole("case when side = 'debit' then functional_minor else 0 end") }} as debit_minor,
        {{ sum_whole("case when side = 'credit' then functional_minor else 0 end") }} as credit_minor
    from sealed_lines
    -- A ledger that does not add up by itself leaves nothing to compare; that it holds the entries is for K7 and K8 to say.
    where
        exists (
            select 1
            from account_movements
            where
                account_movements.entity = sealed_lines.entity
                and account_movements.period = sealed_lines.period
        )
        or not exists (
            select 1
            from move_lines
            where
                move_lines.entity = sealed_lines.entity
                and move_lines.period = sealed_lines.period
        )
    group by
        entity,
        period,
        account
),

moved as (
    {% for side in ['debit', 'credit'] %}
        select
            account_movements.entity,
            account_movements.period,
            '{{ side }}' as measure,
            entities.functional_currency as unit,
            account_movements.account_code as subject,
            account_movements.{{ side }}_minor as compared_value,
            coalesce(listed.{{ side }}_minor, 0) as excused_value,
            case when listed.entry_count is not null then {{ dbt.concat(["'entries of others that are listed: '", "cast(listed.entry_count as varchar)"]) }} end as explanation,
            false as must_exist
        from account_movements
        inner join entities on account_movements.entity = entities.entity
        inner join owned_accounts
            on
                account_movements.entity = owned_accounts.entity
                and account_movements.account_code = owned_accounts.account
                and account_movements.period >= owned_accounts.first_period
        left join listed
            on
                account_movements.entity = listed.entity
                and account_movements.period = listed.period
                and account_movements.account_code = listed.account_code
        where
            account_movements.{{ side }}_minor <> 0
            or listed.{{ side }}_minor <> 0
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

posted as (
    {% for side in ['debit', 'credit'] %}
        select
            journals.entity,
            journals.period,
            '{{ side }}' as measure,
            entities.functional_currency as unit,
            journals.account as subject,
            journals.{{ side }}_minor as compared_value
        from journals
        inner join entities on journals.entity = entities.entity
        where journals.{{ side }}_minor <> 0
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (
    {{ comparison('moved', 'posted', 'K9') }}
)

select * from final
