-- What was signed for a closed period is what the mirror, the general ledger and the landed files still say of it.
with

seals as (
    select * from {{ source('register_closing', 'period_seals') }}
),

documents as (
    select * from {{ ref('stg_register_closing__documents') }}
    where state <> 'cancelled'
),

-- Of a summary the lines that it was sealed with, as it goes to the ledger.
journal_lines as (
    select * from {{ ref('stg_register_closing__posted_lines') }}
),

landed_files as (
    select * from {{ source('raw_usage', 'landed_files') }}
),

latest_status as (
    {{ latest_period_statuses(source('register_closing', 'periods')) }}
),

latest_seals as (
    select
        entity,
        period,
        max(register_position) as register_position
    from seals
    group by
        entity,
        period
),

all_closed as (
    select
        latest_status.entity,
        latest_status.period,
        latest_status.landing_position,
        latest_seals.register_position
    from latest_status
    left join latest_seals
        on
            latest_status.entity = latest_seals.entity
            and latest_status.period = latest_seals.period
    where latest_status.status <> 'open'
),

closed as (
    select * from all_closed
    where register_position is not null
),

sealed as (
    select
        seals.entity,
        seals.period,
        seals.measure,
        seals.subject,
        coalesce(seals.currency, '*') as currency,
        seals.item_count,
        seals.total_minor,
        seals.functional_minor,
        seals.content_hash
    from seals
    inner join closed
        on
            seals.entity = closed.entity
            and seals.period = closed.period
            and seals.register_position = closed.register_position
),

documents_of_closed as (
    select
        closed.entity,
        closed.period,
        closed.register_position,
        documents.document_position,
        documents.business_key,
        documents.document_type,
        documents.currency,
        documents.total_minor,
        documents.content_hash
    from closed
    inner join documents
        on
            closed.entity = documents.entity
            and closed.period = documents.period
),

all_documents as (
    select
        closed.entity,
        closed.period,
        count(documents_of_closed.document_position) as item_count,
        {{ secure_digest("coalesce(" ~ ordered_text('documents_of_closed.content_hash', 'documents_of_closed.document_position') ~ ", '')") }} as content_hash
    from closed
    left join documents_of_closed
        on
            closed.entity = documents_of_closed.entity
            and closed.period = documents_of_closed.period
    group by
        closed.entity,
        closed.period
),

documents_by_type as (
    select
        entity,
        period,
        document_type,
        currency,
        count(*) as item_count,
        {{ sum_whole('total_minor') }} as total_minor,
        {{ secure_digest(ordered_text('content_hash', 'document_position')) }} as content_hash
    from documents_of_closed
    group by
        entity,
        period,
        document_type,
        currency
),

accounts as (
    select
        journal_lines.entity,
        journal_lines.period,
        journal_lines.account,
        journal_lines.currency,
        count(*) as item_count,
        {{ sum_whole("case when journal_lines.side = 'debit' then journal_lines.amount_minor else -journal_lines.amount_minor end") }} as total_minor,
        {{ sum_whole(
            "case when journal_lines.side = 'debit' then journal_lines.functional_minor else -journal_lines.functional_minor end"
        ) }} as functional_minor
    from journal_lines
    inner join closed
        on
            journal_lines.entity = closed.entity
            and journal_lines.period = closed.period
    group by
        journal_lines.entity,
        journal_lines.period,
        journal_lines.account,
        journal_lines.currency
),

cutoffs as (
    select distinct landing_position
    from closed
),

landed as (
    select
        cutoffs.landing_position,
        count(landed_files.position) as item_count,
        {{ secure_digest("coalesce(" ~ ordered_text(
            dbt.concat(["cast(landed_files.position as varchar)", "':'", "landed_files.file_name", "':'", "landed_files.content_hash"]),
            'landed_files.position'
        ) ~ ", '')") }} as content_hash
    from cutoffs
    left join landed_files on cutoffs.landing_position >= landed_files.position
    group by cutoffs.landing_position
),

-- Only what was sealed of the landed files is compared.
landed_of_closed as (
    select
        sealed.entity,
        sealed.period,
        landed.item_count,
        landed.content_hash
    from sealed
    inner join closed
        on
            sealed.entity = closed.entity
            and sealed.period = closed.period
    inner join landed on closed.landing_position = landed.landing_position
    where sealed.measure = 'landed_files'
),

now_held as (
    select
        entity,
        period,
        'all_documents' as measure,
        '*' as subject,
        '*' as currency,
        item_count,
        cast(null as bigint) as total_minor,
        cast(null as bigint) as functional_minor,
        content_hash
    from all_documents
    union all
    select
        entity,
        period,
        'documents' as measure,
        document_type as subject,
        currency,
        item_count,
        total_minor,
        cast(null as bigint) as functional_minor,
        content_hash
    from documents_by_type
    union all
    select
        entity,
        period,
        'account' as measure,
        account as subject,
        currency,
        item_count,
        total_minor,
        functional_minor,
        cast(null as varchar) as content_hash
    from accounts
    union all
    select
        entity,
        period,
        'landed_files' as measure,
        '*' as subject,
        '*' as currency,
        item_count,
        cast(null as bigint) as total_minor,
        cast(null as bigint) as functional_minor,
        content_hash
    from landed_of_closed
),

compared as (
    select
        coalesce(sealed.entity, now_held.entity) as entity,
        coalesce(sealed.period, now_held.period) as period,
        coalesce(sealed.measure, now_held.measure) as measure,
        coalesce(sealed.subject, now_held.subject) as subject,
        coalesce(sealed.currency, now_held.currency) as currency,
        sealed.item_count as sealed_count,
        now_held.item_count as count_now,
        sealed.total_minor as sealed_minor,
        now_held.total_minor as minor_now,
        sealed.functional_minor as sealed_functional_minor,
        now_held.functional_minor as functional_minor_now,
        sealed.content_hash as sealed_hash,
        now_held.content_hash as hash_now
    from sealed
    full outer join now_held
        on
            sealed.entity = now_held.entity
            and sealed.period = now_held.period
            and sealed.measure = now_held.measure
            and sealed.subject = now_held.subject
            and sealed.currency = now_held.currency
),

-- As far as what changed the measures can be named by itself.
sealed_after_the_close as (
    select
        entity,
        period,
        'sealed after the close' as measure,
        business_key as subject,
        currency,
        cast(0 as bigint) as sealed_count,
        cast(1 as bigint) as count_now,
        cast(null as bigint) as sealed_minor,
        total_minor as minor_now,
        cast(null as bigint) as sealed_functional_minor,
        cast(null as bigint) as functional_minor_now,
        cast(null as varchar) as sealed_hash,
        content_hash as hash_now
    from documents_of_closed
    where document_position > register_position
),

-- What cannot be compared with anything says nothing of what it holds.
closed_without_a_seal as (
    select
        entity,
        period,
        'closed without a seal' as measure,
        period as subject,
        '*' as currency,
        cast(null as bigint) as sealed_count,
        cast(null as bigint) as count_now,
        cast(null as bigint) as sealed_minor,
        cast(null as bigint) as minor_now,
        cast(null as bigint) as sealed_functional_minor,
        cast(null as bigint) as functional_minor_now,
        cast(null as varchar) as sealed_hash,
        cast(null as varchar) as hash_now
    from all_closed
    where register_position is null
)

select * from compared
where
    sealed_count is distinct from count_now
    or sealed_minor is distinct from minor_now
    or sealed_functional_minor is distinct from functional_minor_now
    or sealed_hash is distinct from hash_now
union all
select * from sealed_after_the_close
union all
select * from closed_without_a_seal
