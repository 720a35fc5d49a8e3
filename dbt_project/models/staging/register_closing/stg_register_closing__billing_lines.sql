{{ register_billing_lines(ref('stg_register_closing__documents')) }}
