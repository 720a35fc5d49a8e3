"""Reference data of which rows break a rule, and the rest that a close of it needs."""

from __future__ import annotations

from collections.abc import Mapping

DAY = "2026-02-01"
# Each line: the row, and the rules that it breaks with what it states.
Lines = list[tuple[str, dict[str, str]]]
CUSTOMERS = {"GOOD": "USD", "KIND": "USD", "METER": "USD", "POUND": "GBP"}
BAD: Mapping[str, tuple[str, Lines]] = {
    "customers": (
        "customer_id,name,email,country,entity_id,currency,time_zone,tax_id,payment_term_days",
        [
            *((f"{name},{name},,US,acme,{currency},UTC,,30", {}) for name, currency in CUSTOMERS.items()),
            ("FOREIGN,FOREIGN,,US,other,USD,UTC,,30", {}),
            ("ADRIFT,ADRIFT,,US,acme,USD,Mars/Olympus,,30", {"unknown_time_zone": "customer ADRIFT"}),
        ],
    ),
    "plans": (
        "plan_id,name,anchor,period_unit,period_count",
        [
            ("good,Good,,,", {}),
            ("weekly,Weekly,calender,,", {"unknown_word": "plan weekly"}),
            ("lunar,Lunar,,moon,", {"unknown_word": "plan lunar"}),
            ("never,Never,,month,0", {"not_a_number": "plan never"}),
            ("twice,Twice,,month,1", {}),
            ("twice,Twice,,year,1", {"stated_twice": "plan twice"}),
            ("bad_kind,Bad kind,,,", {}),
            ("bad_meter,Bad meter,,,", {}),
        ],
    ),
    "meters": (
        "meter,unit,aggregation,description,bucket",
        [
            ("calls,call,sum,,", {}),
            ("median,call,median,,", {"unknown_word": "meter median"}),
            ("hourly,call,max,,hour", {"unknown_word": "meter hourly"}),
        ],
    ),
    "charges": (
        "charge_id,plan_id,kind,charge_model,meter,billing_timing,product,tax_code,description",
        [
            ("calls,good,usage,per_unit,calls,arrears,api,std,", {}),
            ("tiered,good,usage,graduated,calls,,api,std,", {}),
            ("kindly,bad_kind,fees,flat,,advance,api,std,", {"unknown_word": "charge kindly"}),
            ("kindred,bad_kind,usage,per_unit,calls,arrears,api,std,", {}),
            ("modelled,weekly,usage,gradated,calls,arrears,api,std,", {"unknown_word": "charge modelled"}),
            ("mismatched,weekly,fee,per_unit,,arrears,api,std,", {"unknown_word": "charge mismatched"}),
            ("timed,weekly,fee,flat,,afterwards,api,std,", {"unknown_word": "charge timed"}),
            ("unmetered,weekly,usage,per_unit,,arrears,api,std,", {"missing_meter": "charge unmetered"}),
            ("lost,weekly,usage,per_unit,nowhere,arrears,api,std,", {"unknown_meter": "charge lost"}),
            ("middle,bad_meter,usage,per_unit,median,arrears,api,std,", {"refused_meter": "charge middle"}),
            ("planless,nowhere,fee,flat,,arrears,api,std,", {"unknown_plan": "charge planless"}),
        ],
    ),
    "prices": (
        "price_id,price_version,charge_id,currency,effective_from,effective_to,tier_up_to,tier_from,unit_price,flat_fee,block_size",
        [
            ("fine,1,calls,USD,2026-01-01,2027-01-01,,,1,,", {}),
            ("overlap,1,tiered,USD,2026-01-01,,10,0,1,,", {}),
            ("overlap,1,tiered,USD,2026-01-01,,,9,2,,", {"overlapping_tiers": "price overlap version 1"}),
            ("gap,1,tiered,EUR,2026-01-01,,10,0,1,,", {}),
            ("gap,1,tiered,EUR,2026-01-01,,,11,2,,", {"gapped_tiers": "price gap version 1"}),
            ("bound,1,tiered,GBP,2026-01-01,,10,,1,,", {}),
            ("bound,1,tiered,GBP,2026-01-01,,10.0,,2,,", {"overlapping_tiers": "price bound version 1"}),
            ("open,1,tiered,CHF,2026-01-01,,,,1,,", {}),
            ("open,1,tiered,CHF,2026-01-01,,,,2,,", {"stated_twice": "price open version 1"}),
            ("first,1,calls,EUR,2026-01-01,,,,1,,", {"two_prices_for_an_instant": "price first version 1"}),
            ("second,1,calls,EUR,2026-03-01,,,,2,,", {"two_prices_for_an_instant": "price second version 1"}),
            ("negative,1,calls,GBP,2026-01-01,,,,-0.01,,", {"negative_price": "price negative version 1"}),
            ("textual,1,calls,CHF,2026-01-01,,,,cheap,,", {"not_a_number": "price textual version 1"}),
            ("dated,1,calls,CAD,soon,,,,1,,", {"not_a_date": "price dated version 1"}),
            ("reversed,1,calls,AUD,2026-02-01,2026-01-01,,,1,,", {"ends_before_it_starts": "price reversed version 1"}),
            ("blocked,1,calls,SEK,2026-01-01,,,,1,,0", {"empty_tier": "price blocked version 1"}),
            ("stray,1,nowhere,USD,2026-01-01,,,,1,,", {"unknown_charge": "price stray version 1"}),
            ("coined,1,calls,ZZZ,2026-01-01,,,,1,,", {"unknown_currency": "price coined version 1"}),
            ("policy,1,calls,NOK,2026-01-01,,,,1,,", {}),
            ("kin,1,kindred,USD,2026-01-01,,,,1,,", {}),
        ],
    ),
    "price_terms": (
        "price_id,price_version,term,value",
        [
            ("policy,1,quantity_rounding,sideways", {"unknown_word": "price policy version 1"}),
            ("policy,1,generosity,1", {"unknown_term": "price policy version 1"}),
            ("policy,1,discount_percent,100.5", {"not_a_percentage": "price policy version 1"}),
            ("policy,1,minimum_amount,-1", {"negative_price": "price policy version 1"}),
            ("policy,1,free_events,many", {"not_a_number": "price policy version 1"}),
            ("policy,1,quantity_precision,14", {"not_a_number": "price policy version 1"}),
            ("policy,1,free_units,1", {}),
            ("policy,1,free_units,2", {"stated_twice": "price policy version 1"}),
            ("nowhere,1,free_units,1", {"unknown_price": "price nowhere version 1"}),
        ],
    ),
    "plan_patterns": (
        "plan_id,rated_by,effective_from",
        [("good,warehouse,2026-01-01", {}), ("weekly,somebody,2026-01-01", {"unknown_word": "plan weekly"})],
    ),
    "intercompany_agreements": (
        "entity_id,product,selling_entity_id,transfer_share,effective_from",
        [
            ("acme,api,acme,,2026-01-01", {}),
            ("acme,storage,acme,80,2026-01-01", {"not_a_share": "entity acme product storage"}),
            ("acme,seats,nobody,0.8,2026-01-01", {"unknown_entity": "entity acme product seats"}),
            ("acme,text,acme,most,2026-01-01", {"not_a_number": "entity acme product text"}),
            (",,acme,1,soon", {"not_a_date": "entity * product *"}),
        ],
    ),
    "books": (
        "entity_id,book,fee_recognition",
        [
            ("acme,tax,on_invoice", {}),
            ("acme,management,ratable", {}),
            ("acme,,ratable", {"missing_key": "book without name"}),
            ("acme,primary,on_invoice", {"primary_book": "book primary"}),
            ("acne,local,ratable", {"unknown_entity": "book local"}),
            ("acme,cash,on_payment", {"unknown_word": "book cash"}),
        ],
    ),
    "credit_grants": (
        "grant_id,customer_id,currency,amount,kind,granted_on",
        [
            ("some,METER,USD,1,paid,2026-01-01", {}),
            ("none,METER,USD,0,paid,2026-01-01", {"not_positive": "grant none"}),
            ("most,METER,USD,9999999999999,paid,2026-01-01", {"amount_out_of_range": "grant most"}),
        ],
    ),
    "tax_rates": (
        "entity_id,country,tax_code,rate,effective_from",
        [
            ("acme,US,std,0.1,2026-01-01", {}),
            ("acme,DE,std,19,2026-01-01", {"rate_above_one": "entity acme"}),
            ("acme,FR,std,-0.2,2026-01-01", {"negative_rate": "entity acme"}),
        ],
    ),
    "tax_exemptions": (
        "exemption_id,customer_id,entity_id,reason,certificate,effective_from",
        [
            ("valid,METER,acme,charity,A-1,2026-01-01", {}),
            ("bare,METER,acme,charity,,2026-01-01", {"missing_certificate": "customer METER"}),
            ("whose,,acme,charity,A-2,2026-01-01", {"missing_customer": "entity acme"}),
        ],
    ),
    "tax_registrations": (
        "registration_id,customer_id,tax_id,effective_from",
        [
            ("right,METER,DE136695976,2026-01-01", {}),
            ("empty,METER,,2026-01-01", {"missing_tax_id": "customer METER"}),
            ("short,METER,DE13669597,2026-01-01", {"tax_id_of_wrong_length": "customer METER"}),
            ("text,METER,DE13669597X,2026-01-01", {"tax_id_of_wrong_format": "customer METER"}),
            ("digit,METER,DE136695977,2026-01-01", {"tax_id_of_wrong_check_digit": "customer METER"}),
            ("abroad,METER,GB980780684,2026-01-01", {"tax_id_of_no_member_state": "customer METER"}),
        ],
    ),
    "key_aliases": (
        "kind,old_key,new_key,effective_from",
        [
            ("plan,good,better,2026-03-01", {"unknown_word": "plan good"}),
            ("subscription,S-pound,S-sterling,soon", {"not_a_date": "subscription S-pound"}),
            ("subscription,S-kind,S-other,2026-03-01", {"unknown_key": "subscription S-kind"}),
            ("subscription,S-meter,S-meter,2026-03-01", {"alias_of_itself": "subscription S-meter"}),
            ("subscription,S-dated,S-ended,2026-02-01", {"both_keys_delivered": "subscription S-dated"}),
            ("subscription,S-nobody,S-nowhere,2026-03-01", {}),
            ("subscription,S-nobody,S-backward,2026-03-01", {"stated_twice": "subscription S-nobody"}),
            ("charge,planless,lost,2026-03-01", {"alias_cycle": "charge planless"}),
            ("charge,lost,planless,2026-03-01", {"alias_cycle": "charge lost"}),
            ("charge,timed,unmetered,2026-03-01", {"two_former_keys": "charge timed"}),
            ("charge,mismatched,unmetered,2026-03-01", {"two_former_keys": "charge mismatched"}),
            ("dimension,tiered,calls/region=eu,2026-03-01", {"alias_of_another_charge": "dimension tiered"}),
            ("customer,POUND,GOOD,2026-03-01", {"merge_across_currencies": "customer POUND"}),
            ("customer,FOREIGN,GOOD,2026-03-01", {"merge_across_entities": "customer FOREIGN"}),
            ("customer,KIND,METER,2026-03-01", {}),
        ],
    ),
    "payments": (
        "payment_id,entity_id,invoice,currency,amount,paid_on,functional_amount",
        [
            ("right,acme,INV-1,USD,1.05,2026-01-20,1.05", {}),
            ("where,acne,INV-1,USD,1.05,2026-01-20,", {"unknown_entity": "payment where"}),
            ("what,acme,,USD,1.05,2026-01-20,", {"missing_invoice": "payment what"}),
            ("part,acme,INV-1,USD,1.055,2026-01-20,", {"fraction_of_minor_unit": "payment part"}),
            ("bank,acme,INV-1,EUR,1.05,2026-01-20,1.005", {"fraction_of_minor_unit": "payment bank"}),
            ("twofold,acme,INV-1,USD,1.05,2026-01-20,1.06", {"two_amounts_of_one_currency": "payment twofold"}),
        ],
    ),
    "accounts": (
        "entity_id,account_code,name,account_type,is_receivable,is_active,currency,required_dimensions",
        [
            ("acme,4000,Revenue,revenue,false,,,", {}),
            ("acme,4100,By cost center,revenue,false,true,USD,cost_center;department", {}),
            ("acme,4200,Retired,revenue,false,no,,", {}),
            ("acme,4300,Perhaps,revenue,false,perhaps,,", {"unknown_word": "account 4300 of acme"}),
            ("acme,4400,Shillings,revenue,false,,ATS,", {"unknown_currency": "account 4400 of acme"}),
            ("acme,4500,Blank,revenue,false,,,Cost Center", {"malformed_dimensions": "account 4500 of acme"}),
        ],
    ),
    "account_mappings": (
        "mapping_id,mapping_version,entity_id,role,event,product,country,account_code,dimensions,effective_from,effective_to",
        [
            ("M1,,acme,usage_revenue,,,,4000,,2026-01-01,", {}),
            ("M2,1,acme,usage_revenue,invoice_issued,api,DE,4100,department=2; cost_center=1,2026-01-01,2026-02-01", {}),
            ("M2,2,acme,usage_revenue,invoice_issued,api,DE,4100,cost_center=1;department=3,2026-02-01,", {}),
            # Of an account of another chart nothing is known here: it is held where it is used.
            ("M3,,*,cash,,,,9999,,2026-01-01,", {}),
            ("dated,,acme,cash,,,,4000,,soon,", {"not_a_date": "mapping dated version 1"}),
            ("ended,,acme,cash,,,,4000,,2026-01-01,2026-01-01", {"ends_before_it_starts": "mapping ended version 1"}),
            ("role,,acme,cashbox,,,,4000,,2026-01-01,", {"unknown_word": "mapping role version 1"}),
            ("event,,acme,cash,invoice_paid,,,4000,,2026-01-01,", {"unknown_word": "mapping event version 1"}),
            ("entity,,acne,cash,,,,4000,,2026-01-01,", {"unknown_entity": "mapping entity version 1"}),
            ("unnamed,,acme,bad_debt,,,,4000,=1,2026-01-01,", {"malformed_dimensions": "mapping unnamed version 1"}),
            ("twice,,acme,bad_debt,,,,4000,a=1;a=2,2026-01-02,", {"malformed_dimensions": "mapping twice version 1"}),
            ("missing,,acme,tax_payable,,,,4999,,2026-01-01,", {"unknown_account": "mapping missing version 1"}),
            ("retired,,acme,deferred_revenue,,,,4200,,2026-01-01,", {"inactive_account": "mapping retired version 1"}),
            ("one,,acme,receivable,,api,,4000,,2026-01-01,", {"ambiguous_account_mapping": "mapping one version 1"}),
            ("other,,acme,receivable,*,api,*,4100,cost_center=1,2026-01-01,", {"ambiguous_account_mapping": "mapping other version 1"}),
        ],
    ),
    "control_totals": (
        "source,sent_on,file,row_count,quantity",
        [
            (f"usage,{DAY},events.jsonl,4,", {}),
            (f",{DAY},events.jsonl,4,", {"missing_source": "totals of no source"}),
            ("usage,soon,events.jsonl,4,", {"not_a_date": "totals of usage"}),
            (f"usage,{DAY},other.jsonl,many,", {"not_a_number": "totals of usage"}),
            (f"usage,{DAY},,4,", {"rows_of_no_file": "totals of usage"}),
        ],
    ),
    "foreign_entries": (
        "entity_id,entry_number,posting_date,amount,reason,owner,status",
        [
            ("acme,900,2026-01-31,25.00,receipt of a bank,treasury,", {}),
            ("acne,901,2026-01-31,25.00,receipt of a bank,treasury,", {"unknown_entity": "entry 901"}),
            ("acme,,2026-01-31,25.00,receipt of a bank,treasury,", {"missing_entry_number": "entry without number"}),
            ("acme,902,January,25.00,receipt of a bank,treasury,", {"not_a_date": "entry 902"}),
            ("acme,903,2026-01-31,much,receipt of a bank,treasury,", {"not_a_number": "entry 903"}),
            ("acme,904,2026-01-31,-25.00,receipt of a bank,treasury,", {"not_positive": "entry 904"}),
            ("acme,905,2026-01-31,25.005,receipt of a bank,treasury,", {"fraction_of_minor_unit": "entry 905"}),
            ("acme,906,2026-01-31,25.00,receipt of a bank,,", {"missing_reason_or_owner": "entry 906"}),
            ("acme,907,2026-01-31,25.00,receipt of a bank,treasury,maybe", {"unknown_word": "entry 907"}),
        ],
    ),
    "opening_invoices": (
        "entity_id,number,customer_id,document_date,due_on,currency,open_amount,functional_amount,exchange_rate",
        [
            ("other,right,FOREIGN,2025-12-01,2025-12-31,EUR,10,10.83,", {}),
            ("other,withdrawn,FOREIGN,2025-12-01,2025-12-31,EUR,0,,", {}),
            ("other,whose,NOBODY,2025-12-01,2025-12-31,USD,10,,", {"unknown_customer": "opening invoice whose"}),
            ("other,new,FOREIGN,2026-01-01,2026-01-31,USD,10,,", {"not_before_cutover": "opening invoice new"}),
            ("other,carried,FOREIGN,2025-12-01,2025-12-31,EUR,10,,", {"missing_carried_amount": "opening invoice carried"}),
            ("other,twice,FOREIGN,2025-12-01,2025-12-31,EUR,10,10.83,1.1", {"carried_amount_differs": "opening invoice twice"}),
            ("other,sides,FOREIGN,2025-12-01,2025-12-31,EUR,10,-10.83,", {"carried_amount_differs": "opening invoice sides"}),
            ("never,where,FOREIGN,2025-12-01,2025-12-31,USD,10,,", {"missing_cutover": "opening invoice where"}),
        ],
    ),
    "opening_deferred_revenue": (
        "entity_id,deferral_id,customer_id,product,currency,service_period_start,service_period_end,remaining_amount",
        [
            ("other,right,FOREIGN,api,USD,2025-06-01,2026-06-01,10", {}),
            ("other,,FOREIGN,api,USD,2025-06-01,2026-06-01,10", {"missing_key": "deferral without id"}),
            ("other,served,FOREIGN,api,USD,2025-01-01,2026-01-01,10", {"served_before_cutover": "deferral served"}),
            ("other,negative,FOREIGN,api,USD,2025-06-01,2026-06-01,-10", {"not_positive": "deferral negative"}),
        ],
    ),
    "opening_billed_lines": (
        "entity_id,subscription_id,charge_id,service_period_start,service_period_end,currency,amount",
        [
            ("other,S-nowhere-else,calls,2025-12-15,2026-01-15,USD,10", {"unknown_subscription": "billed line S-nowhere-else/calls/2025-12-15"}),
            ("other,S-good,calls,2025-12-15,2026-01-15,USD,10.005", {"fraction_of_minor_unit": "billed line S-good/calls/2025-12-15"}),
        ],
    ),
    "opening_balances": (
        "entity_id,account_code,currency,amount",
        [("other,9999,USD,10", {"unknown_account": "balance of 9999 in USD"})],
    ),
    "subscriptions": (
        "subscription_id,version,customer_id,plan_id,starts_on,ends_on",
        [
            ("S-good,1,GOOD,good,2026-01-01,", {}),
            ("S-kind,1,KIND,bad_kind,2026-01-01,", {}),
            ("S-meter,1,METER,bad_meter,2026-01-01,", {}),
            ("S-pound,1,POUND,good,2026-01-01,", {}),
            ("S-adrift,1,ADRIFT,good,2026-01-01,", {}),
            ("S-dated,1,GOOD,good,soon,", {"not_a_date": "subscription S-dated version 1"}),
            ("S-ended,1,GOOD,good,2026-01-01,never", {"not_a_date": "subscription S-ended version 1"}),
            ("S-backward,1,GOOD,good,2026-01-02,2026-01-01", {"ends_before_it_starts": "subscription S-backward version 1"}),
            ("S-nobody,1,NOBODY,good,2026-01-01,", {"unknown_customer": "subscription S-nobody version 1"}),
            ("S-nowhere,1,GOOD,nowhere,2026-01-01,", {"unknown_plan": "subscription S-nowhere version 1"}),
        ],
    ),
}
REST: Mapping[str, list[str]] = {
    "legal_entities": [
        "entity_id,name,country,functional_currency,cutover_on",
        "acme,Acme,US,USD,2026-01-01",
        "other,Other,US,USD,2026-01-01",
        "never,Never,US,USD,",
    ],
}
