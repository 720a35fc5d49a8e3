with

postings as (
    select * from {{ ref('intercompany_postings') }}
    where
        hold_reason is null
        and amount_minor <> 0
),

sealed_lines as (
    select * from {{ ref('stg_register_issued__journal_lines') }}
    where event = 'intercompany_charged'
),

periods as (
    select * from {{ ref('sub_ledger_periods') }}
),

-- What is sealed keeps its account, whatever is mapped by now.
final as (
    select
        postings.entity,
        periods.period,
        postings.natural_id,
        postings.source_document,
        postings.partner_entity,
        coalesce(sealed_lines.account, postings.balance_account) as account,
        postings.currency,
        postings.posting_date as dated_on,
        cast({{ days_between('postings.posting_date', 'periods.last_day') }} as bigint) as age_days,
        cast(case when postings.balance_role = 'payable' then -postings.amount_minor else postings.amount_minor end as bigint) as amount_minor
    from postings
    inner join periods
        on
            postings.entity = periods.entity
            and postings.period <= periods.period
    left join sealed_lines
        on
            postings.entity = sealed_lines.entity
            and {{ dbt.concat(["postings.natural_id", "'#intercompany_'", "postings.balance_role"]) }} = sealed_lines.line_key
)

select * from final
