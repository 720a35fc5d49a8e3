{{ register_usage_reports(ref('stg_register_closing__documents')) }}
