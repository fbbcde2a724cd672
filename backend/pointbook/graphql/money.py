"""Amounts of money in both directions. Minor units inside, the currency's main unit outside."""

from decimal import Decimal
from typing import Self

import strawberry

from pointbook.domain import currencies, money


@strawberry.type(name="Money", description="An amount of money.")
class MoneyAmount:
    amount: Decimal = strawberry.field(description='In the currency\'s main unit, with all its places: "12.50".')
    currency: str = strawberry.field(description="ISO 4217 code.")

    @classmethod
    def of(cls, value: money.Money) -> Self:
        return cls(amount=Decimal(value.decimal), currency=value.currency)


@strawberry.input(description="An amount of money.")
class MoneyInput:
    amount: Decimal = strawberry.field(description='In the currency\'s main unit: "12.50". Not negative.')
    currency: str = strawberry.field(description="ISO 4217 code; the programme's currency.")

    def parse(self, field: str) -> money.Money:
        """Raises InvalidInput naming ``field`` for a currency or an amount that cannot be."""
        currencies.exponent(self.currency, f"{field}.currency")
        return money.Money.parse(self.amount, self.currency, f"{field}.amount")


def main_units(minor: Decimal, currency: str) -> Decimal:
    """A rate in minor units per point, told in the main unit without trailing zeros.

    >>> main_units(Decimal("0.5"), "EUR")
    Decimal('0.005')
    """
    value = minor.scaleb(-currencies.exponent(currency)).normalize()
    return Decimal(f"{value:f}")
