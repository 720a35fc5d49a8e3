{#- What an incremental run of the usage path replaces. Every model of it asks the same state, which is moved on only when all of them
    have been built: so a run that broke off is repeated by the next one, and a run without anything new replaces nothing.
    Days are read first and written as literals, so that an engine reads no others. -#}

{% macro touched_rows(model_name) -%}
    {#- The condition on the rows of a model that this run replaces whole; true in a full build. -#}
    {%- set landed_files = ref('stg_product__landed_files') -%}
    {%- set usage_references = ref('usage_references') -%}
    {%- if not execute or not is_incremental() -%}
        true
    {%- elif state_is_absent() -%}
        true
    {%- elif model_name in ('usage_repetitions', 'usage_arrivals', 'usage_landing_days') -%}
        {{ among_days('landed_on', touched_landing_days(landed_files, usage_references)) }}
    {%- elif model_name in ('usage_retractions', 'daily_usage') -%}
        {{ among_days('occurred_on', touched_occurred_days(landed_files, usage_references)) }}
    {%- elif model_name == 'claimed_daily_usage' -%}
        ({{ among_days('occurred_on', touched_occurred_days(landed_files, usage_references)) }} or {{ among_changed_customers(usage_references) }})
    {%- elif model_name in ('period_usage', 'event_level_usage') -%}
        ({{ in_periods_of(touched_occurred_days(landed_files, usage_references)) }} or {{ among_changed_customers(usage_references) }})
    {%- else -%}
        {{ exceptions.raise_compiler_error("nothing says what a run replaces of " ~ model_name ~ "; say it in macros/touched.sql") }}
    {%- endif -%}
{%- endmacro %}

{% macro usage_relation(name) -%}
    {{ return(api.Relation.create(database=this.database, schema=this.schema, identifier=name)) }}
{%- endmacro %}

{% macro state_is_absent() -%}
    {%- for name in ['usage_landing_days', 'built_usage_references'] -%}
        {%- if adapter.get_relation(this.database, this.schema, name) is none -%}{{ return(true) }}{%- endif -%}
    {%- endfor -%}
    {{ return(false) }}
{%- endmacro %}

{% macro moves_state_on() -%}
    {#- Whether this run builds every model that the state speaks for. -#}
    {%- for name in ['usage_repetitions', 'usage_arrivals', 'usage_retractions', 'daily_usage', 'claimed_daily_usage', 'period_usage', 'event_level_usage'] -%}
        {%- if 'model.tieout.' ~ name not in selected_resources -%}{{ return(false) }}{%- endif -%}
    {%- endfor -%}
    {{ return(true) }}
{%- endmacro %}

{% macro rows_of_state(model_name) -%}
    {#- Of a model that holds the state: the rows to replace, none where the run leaves out a model that the state speaks for. -#}
    {%- set touched = touched_rows(model_name) if model_name == 'usage_landing_days' else 'true' -%}
    {%- if not execute or moves_state_on() -%}
        {{ touched }}
    {%- elif is_incremental() -%}
        false
    {%- else -%}
        {{ exceptions.raise_compiler_error(model_name ~ " says how far the usage models have come; build it together with them: --select path:models/usage") }}
    {%- endif -%}
{%- endmacro %}

{% macro changed_references(usage_references) -%}
    {#- Keys whose reference data is not what the stored usage was built from. -#}
    select
        coalesce(standing.kind, built.kind) as kind,
        coalesce(standing.reference_key, built.reference_key) as reference_key
    from {{ usage_references }} as standing
    full outer join {{ usage_relation('built_usage_references') }} as built
        on
            standing.kind = built.kind
            and standing.reference_key = built.reference_key
    where standing.fingerprint is distinct from built.fingerprint
{%- endmacro %}

{% macro touched_landing_days(landed_files, usage_references) -%}
    {%- set changed = run_query("select distinct kind from (" ~ changed_references(usage_references) ~ ") as changed").columns[0].values() -%}
    {%- set query -%}
        select files.landed_on
        from {{ landed_files }} as files
        left join (
            select
                landed_on,
                max(landing_position) as landing_position
            from {{ usage_relation('usage_landing_days') }}
            group by landed_on
        ) as built
            on files.landed_on = built.landed_on
        where
            files.row_count > 0
            and files.landing_position > coalesce(built.landing_position, 0)
        {% for kind, column in {'customer': 'customer_id', 'meter': 'meter'}.items() if kind in changed %}
        union
        select landed_on
        from {{ usage_relation('usage_arrivals') }}
        where {{ column }} in (select reference_key from ({{ changed_references(usage_references) }}) as changed where kind = '{{ kind }}')
        {% endfor %}
        {% if 'rules' in changed %}
        union
        select landed_on
        from {{ landed_files }}
        {% endif %}
    {%- endset -%}
    {{ return(run_query("select distinct landed_on from (" ~ query ~ ") as touched order by landed_on").columns[0].values() | map('string') | list) }}
{%- endmacro %}

{% macro touched_occurred_days(landed_files, usage_references) -%}
    {#- The days on which the events of the touched landing days happened, as they stood before and as they stand now. -#}
    {%- set landing_days = touched_landing_days(landed_files, usage_references) -%}
    {%- if not landing_days -%}{{ return([]) }}{%- endif -%}
    {%- set query -%}
        select occurred_on
        from {{ usage_relation('usage_landing_days') }}
        where {{ among_days('landed_on', landing_days) }}
        union
        select occurred_on
        from {{ usage_relation('usage_arrivals') }}
        where {{ among_days('landed_on', landing_days) }} and disposition in ('kept', 'retraction')
    {%- endset -%}
    {{ return(run_query("select distinct occurred_on from (" ~ query ~ ") as touched where occurred_on is not null order by occurred_on").columns[0].values() | map('string') | list) }}
{%- endmacro %}

{% macro among_days(column, days) -%}
    {%- if days -%}
        ({{ column }} >= cast('{{ days | first }}' as date) and {{ column }} <= cast('{{ days | last }}' as date)
        {%- if days | length > 2 %} and {{ column }} in ({% for day in days %}cast('{{ day }}' as date){{ ', ' if not loop.last }}{% endfor %}){% endif -%}
        {%- if days | length == 2 %} and {{ column }} in (cast('{{ days | first }}' as date), cast('{{ days | last }}' as date)){% endif %})
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}

{% macro in_periods_of(days) -%}
    {#- Service periods are replaced whole: all that lie within the touched days or around one of them. -#}
    {%- if days -%}
        (service_period_start <= cast('{{ days | last }}' as date) and service_period_end > cast('{{ days | first }}' as date))
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}

{% macro among_changed_customers(usage_references) -%}
    {%- set changed -%}
        select reference_key from ({{ changed_references(usage_references) }}) as changed where kind = 'subscriptions'
    {%- endset -%}
    {%- if run_query("select count(*) from (" ~ changed ~ ") as counted").columns[0].values()[0] > 0 -%}
        customer_id in ({{ changed }})
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}

{% macro days_around(days_condition_column, days, distance) -%}
    {#- A range of days that holds the given ones with so many days before and after; true where all are meant. -#}
    {%- if days is none -%}
        true
    {%- elif days -%}
        ({{ days_condition_column }} >= {{ add_days("cast('" ~ (days | first) ~ "' as date)", -1 * distance) }} and {{ days_condition_column }} <= {{ add_days("cast('" ~ (days | last) ~ "' as date)", distance) }})
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}

{% macro within_reach_of_touched_days() -%}
    {#- Landing days whose events can be the same as one of a touched day. A clock may run a day ahead, hence the day beyond the window. -#}
    {%- set landed_files = ref('stg_product__landed_files') -%}
    {%- set usage_references = ref('usage_references') -%}
    {%- if not execute or not is_incremental() or state_is_absent() -%}
        true
    {%- else -%}
        {{ days_around('landed_on', touched_landing_days(landed_files, usage_references), var('dedupe_window_days') + 1) }}
    {%- endif -%}
{%- endmacro %}

{% macro get_incremental_replace_touched_sql(arg_dict) -%}
    {#- The incremental strategy of the usage path: what is touched is taken out and put in whole, so that nothing that vanished stays. -#}
    {%- set replaced = rows_of_state(model.name) if model.name in ('usage_landing_days', 'built_usage_references') else touched_rows(model.name) -%}
    delete from {{ arg_dict['target_relation'] }} where {{ replaced }};
    {{ get_insert_into_sql(arg_dict['target_relation'], arg_dict['temp_relation'], arg_dict['dest_columns']) }};
{%- endmacro %}

{% macro recently(column) -%}
    {#- The days within the dedupe window of the last landed one. -#}
    {%- set landed_files = ref('stg_product__landed_files') -%}
    {%- set last_day = run_query("select max(landed_on) from " ~ landed_files).columns[0].values()[0] if execute else none -%}
    {%- if last_day is none -%}
        true
    {%- else -%}
        {{ column }} >= {{ add_days("cast('" ~ last_day ~ "' as date)", -1 * (var('dedupe_window_days') + 1)) }}
    {%- endif -%}
{%- endmacro %}
