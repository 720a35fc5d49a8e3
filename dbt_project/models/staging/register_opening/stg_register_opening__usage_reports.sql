{{ register_usage_reports(ref('stg_register_opening__documents')) }}
