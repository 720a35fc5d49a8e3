-- A line on an unknown account is refused by the ERP after everything else of the close has been posted.
select
    journal_lines.natural_id,
    journal_lines.line_key,
    journal_lines.entity,
    journal_lines.account
from {{ ref('journal_lines') }} as journal_lines
left join {{ ref('stg_finance__accounts') }} as accounts
    on
        journal_lines.entity = accounts.entity
        and journal_lines.account = accounts.account_code
where
    accounts.account_code is null
    or (journal_lines.customer_id is not null) is distinct from accounts.is_receivable
