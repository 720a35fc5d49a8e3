-- A reversal is the exact negation of what it reverses, once: what is voided has nothing left, line by line, and an entry that reverses
-- another has its lines with the sides exchanged. Each names its original, and an original has one. What corrects a misposting takes back the
-- very revision that it names, and what is reposted is line by line what was taken back.
with

documents as (
    select * from {{ ref('stg_register_closing__documents') }}
    where state <> 'cancelled'
),

billing_lines as (
    select * from {{ ref('stg_register_closing__billing_lines') }}
),

journal_lines as (
    select * from {{ ref('stg_register_closing__journal_lines') }}
),

void_lines as (
    select * from billing_lines
    where
        document_type = 'credit_memo'
        and cause in ('void', 'void_and_rebill')
),

voids as (
    select
        business_key,
        entity,
        min(invoice_key) as invoice_key,
        count(distinct invoice_key) as invoice_count
    from void_lines
    group by
        business_key,
        entity
),

voids_per_invoice as (
    select
        entity,
        invoice_key,
        min(business_key) as business_key,
        count(*) as void_count
    from voids
    group by
        entity,
        invoice_key
),

credits as (
    select
        corrects_line_key,
        {{ sum_whole('amount_minor') }} as amount_minor,
        {{ sum_whole('tax_minor') }} as tax_minor
    from billing_lines
    where document_type = 'credit_memo'
    group by corrects_line_key
),

voided_lines as (
    select
        voids_per_invoice.entity,
        voids_per_invoice.invoice_key as original,
        voids_per_invoice.business_key as reversal,
        invoice_lines.document_line_key,
        invoice_lines.amount_minor + coalesce(credits.amount_minor, 0) as left_minor,
        invoice_lines.tax_minor + coalesce(credits.tax_minor, 0) as left_tax_minor
    from voids_per_invoice
    inner join billing_lines as invoice_lines on voids_per_invoice.invoice_key = invoice_lines.business_key
    left join credits on invoice_lines.document_line_key = credits.corrects_line_key
),

strays as (
    select
        void_lines.entity,
        void_lines.invoice_key as original,
        void_lines.business_key as reversal,
        void_lines.document_line_key
    from void_lines
    left join billing_lines as invoice_lines
        on
            void_lines.corrects_line_key = invoice_lines.document_line_key
            and void_lines.invoice_key = invoice_lines.business_key
    where invoice_lines.document_line_key is null
),

reversing_lines as (
    select * from journal_lines
    where
        reverses is not null
        and cause not in ({{ correction_causes() }})
),

corrections as (
    select
        reversals.entity,
        reversals.business_key,
        reversals.document_position as reversal_position,
        originals.business_key as original_key,
        originals.document_position as original_position,
        originals.state as original_state,
        reversals.state as reversal_state,
        reposts.document_position as repost_position,
        count(*) over (partition by reversals.entity, {{ json_text('reversals.payload', 'reverses_reference') }}) as reversal_count
    from documents as reversals
    left join documents as originals
        on
            reversals.entity = originals.entity
            and {{ json_text('reversals.payload', 'reverses_reference') }} = originals.reference
    left join documents as reposts
        on
            originals.business_key = reposts.business_key
            and originals.revision + 1 = reposts.revision
    where reversals.cause = 'misposting_reversed'
),

-- The reversal takes the original back, and the repost takes the reversal back: each pair leaves nothing.
pairs as (
    select
        entity,
        original_key,
        business_key,
        reversal_position as one_position,
        original_position as other_position
    from corrections
    union all
    select
        entity,
        original_key,
        business_key,
        reversal_position as one_position,
        repost_position as other_position
    from corrections
),

reversals as (
    select
        reversing_lines.entity,
        reversing_lines.reverses,
        reversing_lines.business_key,
        documents.business_key as original_key,
        count(*) over (partition by reversing_lines.entity, reversing_lines.reverses) as reversal_count
    from (
        select distinct
            entity,
            reverses,
            business_key
        from reversing_lines
    ) as reversing_lines
    left join documents
        on
            reversing_lines.entity = documents.entity
            and reversing_lines.reverses = documents.natural_id
            and documents.document_type = 'journal_entry'
),

both_sides as (
    select
        reversals.entity,
        reversals.original_key,
        reversals.business_key,
        journal_lines.account,
        journal_lines.currency,
        coalesce(journal_lines.customer_id, '') as customer_id,
        case when journal_lines.side = 'debit' then journal_lines.amount_minor else -journal_lines.amount_minor end as signed_minor,
        case when journal_lines.side = 'debit' then journal_lines.functional_minor else -journal_lines.functional_minor end as signed_functional_minor
    from reversals
    inner join journal_lines on reversals.original_key = journal_lines.business_key or reversals.business_key = journal_lines.business_key
),

left_of_corrections as (
    select
        pairs.entity,
        pairs.original_key,
        pairs.business_key,
        journal_lines.account,
        {{ sum_whole("case when journal_lines.side = 'debit' then journal_lines.amount_minor else -journal_lines.amount_minor end") }} as left_minor,
        {{ sum_whole("case when journal_lines.side = 'debit' then journal_lines.functional_minor else -journal_lines.functional_minor end") }}
            as left_functional_minor
    from pairs
    inner join journal_lines
        on
            pairs.one_position = journal_lines.document_position
            or pairs.other_position = journal_lines.document_position
    group by
        pairs.entity,
        pairs.original_key,
        pairs.business_key,
        pairs.one_position,
        pairs.other_position,
        journal_lines.account,
        coalesce(journal_lines.dimensions, ''),
        coalesce(journal_lines.customer_id, ''),
        coalesce(journal_lines.partner_entity, ''),
        coalesce(journal_lines.source_line_key, '')
),

left_of_entries as (
    select
        entity,
        original_key,
        business_key,
        account,
        currency,
        customer_id,
        {{ sum_whole('signed_minor') }} as left_minor,
        {{ sum_whole('signed_functional_minor') }} as left_functional_minor
    from both_sides
    group by
        entity,
        original_key,
        business_key,
        account,
        currency,
        customer_id
),

found as (
    select
        entity,
        original,
        reversal,
        'something of the line is left' as what,
        document_line_key as subject,
        left_minor,
        left_tax_minor as other_minor
    from voided_lines
    where
        left_minor <> 0
        or left_tax_minor <> 0
    union all
    select
        entity,
        original,
        reversal,
        'it credits a line of no such invoice' as what,
        document_line_key as subject,
        cast(null as bigint) as left_minor,
        cast(null as bigint) as other_minor
    from strays
    union all
    select
        entity,
        invoice_key as original,
        business_key as reversal,
        'it is voided more than once' as what,
        invoice_key as subject,
        void_count as left_minor,
        cast(null as bigint) as other_minor
    from voids_per_invoice
    where void_count > 1
    union all
    select
        entity,
        invoice_key as original,
        business_key as reversal,
        'it is a void of several invoices' as what,
        invoice_key as subject,
        invoice_count as left_minor,
        cast(null as bigint) as other_minor
    from voids
    where invoice_count > 1
    union all
    select
        entity,
        reverses as original,
        business_key as reversal,
        case when original_key is null then 'it reverses an entry that is not there' else 'it is reversed more than once' end as what,
        reverses as subject,
        reversal_count as left_minor,
        cast(null as bigint) as other_minor
    from reversals
    where
        original_key is null
        or reversal_count > 1
    union all
    select
        entity,
        original_key as original,
        business_key as reversal,
        'something of the account is left' as what,
        account as subject,
        left_minor,
        left_functional_minor as other_minor
    from left_of_entries
    where
        left_minor <> 0
        or left_functional_minor <> 0
    union all
    select
        entity,
        original_key as original,
        business_key as reversal,
        'something of the account is left, or is reposted otherwise' as what,
        account as subject,
        left_minor,
        left_functional_minor as other_minor
    from left_of_corrections
    where
        left_minor <> 0
        or left_functional_minor <> 0
    union all
    select
        entity,
        original_key as original,
        business_key as reversal,
        case
            when original_key is null then 'it corrects an entry that is not there'
            when repost_position is null then 'it is not reposted'
            when reversal_count > 1 then 'it is corrected more than once'
            else 'it is reversed before its reversal is posted, or not when it is'
        end as what,
        business_key as subject,
        reversal_count as left_minor,
        cast(null as bigint) as other_minor
    from corrections
    where
        original_key is null
        or repost_position is null
        or reversal_count > 1
        or (original_state = 'reversed') <> (reversal_state in ('posted', 'verified', 'reversed'))
    union all
    select
        documents.entity,
        documents.business_key as original,
        cast(null as varchar) as reversal,
        'it is reversed by nothing' as what,
        documents.business_key as subject,
        cast(null as bigint) as left_minor,
        cast(null as bigint) as other_minor
    from documents
    left join corrections on documents.document_position = corrections.original_position
    where
        documents.state = 'reversed'
        and corrections.original_position is null
)

select * from found
