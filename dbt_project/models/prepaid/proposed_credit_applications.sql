with recursive

lines as (
    select * from {{ ref('proposed_invoice_lines') }}
),

open_credit_grants as (
    select * from {{ ref('open_credit_grants') }}
),

resolved_accounts as (
    select * from {{ ref('resolved_accounts') }}
),

-- Credits do not pay for credits. The documents of one customer share the balance, in their order.
documents as (
    select
        natural_id,
        entity,
        bill_to_customer_id as customer_id,
        currency,
        document_month,
        document_date,
        {{ sum_whole("case when kind = 'prepaid' then 0 else amount_minor + tax_minor end") }} as payable_minor,
        row_number() over (
            partition by entity, bill_to_customer_id, currency
            order by document_date asc, length(natural_id) asc, natural_id asc
        ) as document_rank
    from lines
    group by
        natural_id,
        entity,
        bill_to_customer_id,
        currency,
        document_month,
        document_date
),

-- One row per document and grant: each takes, in the order of the grants, what the ones before it left to pay, and leaves a balance to the next
-- document. A grant counts from its first day up to the day before it expires, by the date of the document.
drawn as (
    select
        entity,
        customer_id,
        currency,
        grant_id,
        kind,
        product,
        country,
        liability_account,
        granted_on,
        expires_on,
        place,
        cast(0 as bigint) as document_rank,
        cast(null as varchar) as natural_id,
        cast(null as date) as document_month,
        cast(0 as bigint) as amount_minor,
        balance_minor as left_minor
    from open_credit_grants
    union all
    select
        taken.entity,
        taken.customer_id,
        taken.currency,
        taken.grant_id,
        taken.kind,
        taken.product,
        taken.country,
        taken.liability_account,
        taken.granted_on,
        taken.expires_on,
        taken.place,
        taken.document_rank,
        taken.natural_id,
        taken.document_month,
        taken.amount_minor,
        taken.left_minor - taken.amount_minor as left_minor
    from (
        select
            usable.*,
            cast(least(usable_minor, greatest(payable_minor - coalesce(sum(usable_minor) over (
                partition by entity, customer_id, currency
                order by place asc
                rows between unbounded preceding and 1 preceding
            ), 0), 0)) as bigint) as amount_minor
        from (
            select
                drawn.entity,
                drawn.customer_id,
                drawn.currency,
                drawn.grant_id,
                drawn.kind,
                drawn.product,
                drawn.country,
                drawn.liability_account,
                drawn.granted_on,
                drawn.expires_on,
                drawn.place,
                drawn.left_minor,
                documents.document_rank,
                documents.natural_id,
                documents.document_month,
                documents.payable_minor,
                case
                    when
                        drawn.granted_on <= documents.document_date
                        and (documents.document_date < drawn.expires_on or drawn.expires_on is null)
                        then drawn.left_minor
                    else 0
                end as usable_minor
            from drawn
            inner join documents
                on
                    drawn.entity = documents.entity
                    and drawn.customer_id = documents.customer_id
                    and drawn.currency = documents.currency
                    and drawn.document_rank + 1 = documents.document_rank
        ) as usable
    ) as taken
),

final as (
    select
        drawn.natural_id,
        drawn.entity,
        drawn.customer_id,
        drawn.currency,
        drawn.grant_id,
        drawn.kind,
        cast(drawn.place as integer) as place,
        -- What was bought is taken off the account that it was put on.
        coalesce(drawn.liability_account, resolved_accounts.account_code) as account,
        drawn.amount_minor
    from drawn
    left join resolved_accounts
        on
            drawn.entity = resolved_accounts.entity
            and drawn.product = resolved_accounts.product
            and drawn.country = resolved_accounts.country
            and drawn.document_month = resolved_accounts.document_month
            and resolved_accounts.posting_role = {{ credit_role('drawn.kind') }}
    where drawn.amount_minor > 0
)

select * from final
