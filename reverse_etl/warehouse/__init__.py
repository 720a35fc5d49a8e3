"""The one port to the warehouse: read a relation, append rows, replace a relation; one room per engine."""

from reverse_etl.warehouse.port import Warehouse, open_warehouse

__all__ = ["Warehouse", "open_warehouse"]
