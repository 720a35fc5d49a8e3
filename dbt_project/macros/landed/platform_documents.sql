{% macro platform_documents_over_time(relation, frozen_columns, latest_columns={}, is_final='true') -%}
{#- One row per document of the billing platform over all reads of it. What is final never changes, so that ``frozen_columns`` are those of the first
    read that saw it so (``is_final``, of the columns of ``documents``); status, void, total and ``latest_columns`` (column -> name) go on, and what a later read of its days no longer shows
    has vanished. -#}
with

reads as (
    select * from {{ ref('stg_platform__reads') }}
),

seen as (
    select
        documents.*,
        row_number() over (partition by documents.entity, documents.remote_id order by documents.read_id desc) as recency,
        row_number() over (
            partition by documents.entity, documents.remote_id
            order by case when {{ is_final }} then 0 else 1 end asc, documents.read_id asc
        ) as age
    from {{ source('platform', relation) }} as documents
    inner join reads
        on
            documents.read_id = reads.read_id
            and documents.entity = reads.entity
            and documents.period = reads.period
),

first_seen as (
    select documents.* from seen as documents
    where
        documents.age = 1
        and {{ is_final }}
),

last_seen as (
    select * from seen
    where recency = 1
),

last_reads as (
    select
        last_seen.entity,
        last_seen.remote_id,
        max(reads.read_id) as last_covering_read_id
    from last_seen
    inner join reads
        on
            last_seen.entity = reads.entity
            and last_seen.document_date >= reads.covers_from
    group by
        last_seen.entity,
        last_seen.remote_id
),

final as (
    select
        first_seen.entity,
        first_seen.remote_id,
        first_seen.read_id as first_read_id,
        first_seen.number,
        first_seen.currency,
        first_seen.document_date,
        first_seen.subtotal_minor,
        first_seen.tax_minor,
        first_seen.total_minor,
        {% for column in frozen_columns -%}
        first_seen.{{ column }},
        {% endfor -%}
        last_seen.status,
        last_seen.voided_on,
        last_seen.total_minor as current_total_minor,
        {% for column, name in latest_columns.items() -%}
        last_seen.{{ column }} as {{ name }},
        {% endfor -%}
        last_seen.read_id < coalesce(last_reads.last_covering_read_id, last_seen.read_id) as is_vanished
    from first_seen
    inner join last_seen
        on
            first_seen.entity = last_seen.entity
            and first_seen.remote_id = last_seen.remote_id
    left join last_reads
        on
            first_seen.entity = last_reads.entity
            and first_seen.remote_id = last_reads.remote_id
)

select * from final
{%- endmacro %}
