"""What points buy: the staff fill the catalogues, a customer buys a gift card and exchanges points."""

from typing import Final

from pointbook.http.examples.tab import tab

REWARDS: Final = [
    tab(
        """
# For the staff: a gift card and an item on sale at once,
# and how many of the item there are.
mutation FillCatalogues(
  $card: SaveGiftCardProductInput!
  $item: SaveExchangeItemInput!
  $stock: ChangeExchangeStockInput!
) {
  saveGiftCardProduct(input: $card) {
    ... on SaveGiftCardProductSuccess { product { sku pricePoints faceValue { amount currency } } }
    ... on UserError { code message }
  }
  saveExchangeItem(input: $item) {
    ... on SaveExchangeItemSuccess { item { sku pricePoints fee { amount currency } stock } }
    ... on UserError { code message }
  }
  changeExchangeStock(input: $stock) {
    ... on ChangeExchangeStockSuccess { stock }
    ... on UserError { code message }
  }
}
""",
        card={
            "sku": "gift-card",
            "names": [{"locale": "de", "text": "Gutschein"}],
            "pricePoints": 5,
            "faceValue": "0.50",
            "validityDays": 730,
        },
        item={
            "sku": "mug",
            "names": [{"locale": "de", "text": "Becher"}],
            "pricePoints": 5,
            "fee": "0.10",
            "maxPerOrder": 5,
        },
        stock={"sku": "mug", "set": {"stock": 100, "expected": None}, "idempotencyKey": "stock-1"},
    ),
    tab(
        """
# For the customer, with the token: a gift card for points.
# Its code is in the answer, and is found again in GiftCards.
mutation BuyGiftCard($input: BuyGiftCardInput!) {
  buyGiftCard(input: $input) {
    ... on BuyGiftCardSuccess {
      giftCard {
        code
        pagePath
        card { id faceValue { amount currency } expiresAt }
      }
    }
    ... on PriceChanged { pricePoints }
    ... on UserError { code message }
  }
}
""",
        input={"sku": "gift-card", "pricePoints": 5, "idempotencyKey": "gift-card-1"},
    ),
    tab(
        """
# For the customer: the cards that were bought.
query GiftCards {
  me {
    giftCards(first: 10) {
      nodes {
        code
        name
        card { state balance { amount } history(first: 5) { nodes { at kind effect { amount } } } }
      }
    }
  }
}
"""
    ),
    tab(
        """
# For the shop's back end: the card pays a part of an order.
# Take the code from BuyGiftCard.
mutation UseGiftCard($input: UseGiftCardInput!) {
  useGiftCard(input: $input) {
    ... on UseGiftCardSuccess {
      amount { amount }
      giftCard { state balance { amount currency } }
    }
    ... on GiftCardOverdrawn { availableMinor }
    ... on UserError { code message }
  }
}
""",
        input={
            "code": "",
            "amount": {"amount": "0.20", "currency": "EUR"},
            "orderExternalId": "order-2",
            "idempotencyKey": "use-1",
        },
    ),
    tab(
        """
# For the shop's back end: that order came back.
mutation RefundGiftCard($input: RefundGiftCardInput!) {
  refundGiftCard(input: $input) {
    ... on RefundGiftCardSuccess { giftCard { state balance { amount } } }
    ... on UserError { code message }
  }
}
""",
        input={
            "code": "",
            "amount": {"amount": "0.20", "currency": "EUR"},
            "orderExternalId": "order-2",
            "idempotencyKey": "refund-1",
        },
    ),
    tab(
        """
# For the customer, with the token: points are exchanged
# at the price shown, or not at all.
mutation PlaceExchangeOrder($input: PlaceExchangeOrderInput!) {
  placeExchangeOrder(input: $input) {
    ... on PlaceExchangeOrderSuccess {
      order {
        id
        state
        points
        fee { amount currency }
        lines { sku name quantity points }
      }
    }
    ... on PriceChanged { sku pricePoints fee }
    ... on SoldOut { sku left }
    ... on UserError { code message }
  }
}
""",
        input={
            "lines": [{"sku": "mug", "quantity": 2, "pricePoints": 5, "fee": "0.10"}],
            "deliveryNote": "Please gift-wrap.",
            "idempotencyKey": "exchange-1",
        },
    ),
    tab(
        """
# For the staff: which orders are still to be handed over.
query ExchangeOrders {
  exchangeOrders(filter: { state: SUBMITTED }, sort: OLDEST, first: 20) {
    nodes { id customerExternalIds placedAt points deliveryNote lines { sku name quantity } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
    ),
    tab(
        """
# For the staff: the member has got it. The id is in
# ExchangeOrders. No point moves, and nobody gets mail.
mutation SetExchanged($input: SetExchangedInput!) {
  setExchanged(input: $input) {
    ... on SetExchangedSuccess { order { state exchangedAt } }
    ... on UserError { code message }
  }
}
""",
        input={"id": "", "exchanged": True},
    ),
    tab(
        """
# For the staff: after all not. Once it is open again, it
# can be cancelled, and the points go back.
mutation CancelExchangeOrder($open: SetExchangedInput!, $cancel: CancelExchangeOrderInput!) {
  setExchanged(input: $open) {
    ... on SetExchangedSuccess { order { state } }
    ... on UserError { code message }
  }
  cancelExchangeOrder(input: $cancel) {
    ... on CancelExchangeOrderSuccess { order { state cancelledAt } }
    ... on UserError { code message }
  }
}
""",
        open={"id": "", "exchanged": False},
        cancel={"id": ""},
    ),
]
