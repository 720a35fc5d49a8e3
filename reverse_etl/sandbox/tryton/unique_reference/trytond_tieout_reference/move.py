# SPDX-License-Identifier: GPL-3.0-or-later
"""A reference on account moves that the database keeps unique within a company."""

import re

from sql import Null
from trytond.model import Unique, fields
from trytond.pool import PoolMeta
from trytond.transaction import Transaction

# A reference of Tieout at the beginning of a description.
REFERENCE = re.compile(r"TO-[0-9A-F]{16}(?![0-9A-Za-z])")
COPYING = "tieout_reference_copying"


class Move(metaclass=PoolMeta):
    __name__ = "account.move"

    external_id = fields.Char("External Reference", readonly=True, help="How another system knows this move; unique within the company.")

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        unique = Unique(table, table.company, table.external_id)
        cls._sql_constraints.append(("external_id_unique", unique, "tieout_reference.msg_external_id_unique"))

    @classmethod
    def __register__(cls, module_name):
        is_new = not cls.__table_handler__(module_name).column_exist("external_id")
        super().__register__(module_name)
        if is_new:
            cls._fill_from_descriptions()

    @classmethod
    def _fill_from_descriptions(cls):
        # Of several moves under one reference the first keeps it: which is right is for a person to say.
        table, cursor = cls.__table__(), Transaction().connection.cursor()
        ours = (table.origin == Null) & table.description.like("TO-%")
        cursor.execute(*table.select(table.id, table.company, table.description, where=ours, order_by=table.id))
        first = {}
        for identifier, company, description in cursor.fetchall():
            if found := REFERENCE.match(description):
                first.setdefault((company, found.group()), identifier)
        for (_, reference), identifier in first.items():
            cursor.execute(*table.update([table.external_id], [reference], where=table.id == identifier))

    @classmethod
    def preprocess_values(cls, mode, values):
        values = super().preprocess_values(mode, values)
        if mode == "create" and not values.get("external_id") and not Transaction().context.get(COPYING):
            found = REFERENCE.match(values.get("description") or "")
            values["external_id"] = found.group() if found else None
        return values

    @classmethod
    def copy(cls, moves, default=None):
        # A copy, and what cancels a move, is another document.
        with Transaction().set_context({COPYING: True}):
            return super().copy(moves, default={**(default or {}), "external_id": None})
