from dataclasses import replace

from company import Deliveries
from defect import Defect, Finding

from reverse_etl.documents import OutboxRow


def summarise(deliveries: Deliveries) -> None:
    deliveries.row("legal_entities", entity_id=deliveries.entity)["posting_granularity"] = "daily_summary"


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    [summary, *_] = (row for row in rows if row.cause == "daily_summary")
    hidden = summary.payload["summarised"][0]["natural_id"]
    shown = [line for line in summary.payload["summarised"] if line["natural_id"] != hidden]
    return [replace(row, payload={**row.payload, "summarised": shown}) if row is summary else row for row in rows]


DEFECT = Defect(
    rule="A summary is the sum of its entries (J10).",
    caught_by=Finding("sealing", "contract"),
    implies=(
        Finding("K10", "revenue"),
        Finding("K5", "net"),
        Finding("K5", "receivable"),
        Finding("K5", "recognised"),
        Finding("K6", "posted"),
        Finding("K6", "sealed"),
        Finding("assert_s01_receivables_equal_their_control_account"),
        Finding("assert_s02_receivables_roll_forward_to_the_open_items"),
        Finding("assert_s05_revenue_equals_its_accounts"),
        Finding("assert_s06_tax_lines_equal_their_account"),
        Finding("re-performance"),
    ),
    deliver=summarise,
    post=plant,
)
