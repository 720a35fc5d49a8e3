with

final as (
    {% for model in [
        'k0_sent_to_received', 'k1_landed_to_classified', 'k2_kept_to_rated', 'k3_rated_to_issued', 'k4_issued_to_billing',
        'k5_issued_to_journals', 'k6_journals_to_posted', 'k7_posted_to_ledger', 'k8_ledger_to_sealed', 'k9_ledger_movements_to_journals',
        'k10_usage_to_revenue', 'k3_rated_to_platform', 'k4_platform_to_billing', 'k5_snapshots_to_journals'
    ] %}
        select
            checkpoint,
            entity,
            period,
            measure,
            unit,
            subject,
            left_value,
            right_value,
            excused_value,
            difference,
            explanation,
            is_break
        from {{ ref(model) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select * from final
