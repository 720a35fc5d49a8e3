{{ register_credit_applications(ref('stg_register_issued__documents')) }}
