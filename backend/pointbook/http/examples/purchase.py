"""What the shop and its customer do: a purchase paid with points, and a booking."""

from typing import Final

from pointbook.http.examples.tab import tab

_CART: Final = {"id": "cart-1", "total": "19.99", "currency": "EUR"}
_PLACED_AT: Final = "2026-03-02T10:00:00+01:00"
_LINES: Final = [
    {"id": "1", "articleId": "coffee", "quantity": "2", "unitPrice": "12.50", "amount": "25.00"},
    {"id": "2", "articleId": "cup", "quantity": "1", "unitPrice": "475.00", "amount": "475.00"},
]

PURCHASE: Final = [
    tab(
        """
# Put a secret key (sk_...) above and press Use:
# the reference appears under the book on the left.
# "For the shop's back end": leave the token empty.
# "For the customer": the next tab makes a token.
query Programme {
  programme {
    name
    currency
    timeZone
    state
    pointValue
    revenuePerPoint
    discountPercent
    holdMinutes
  }
}
"""
    ),
    tab(
        """
# For everybody: the earning rules that give points
# now (there may be none), and the conditions in words.
query Terms($locale: String) {
  rules(locale: $locale) { label kind points moneyPerPoint validUntil }
  guidelines(locale: $locale) {
    locale
    sections { heading paragraphs }
  }
}
""",
        locale="en",
    ),
    tab(
        """
# For everybody: what a product's page says.
query ProductPoints($product: ProductInput!) {
  productPoints(product: $product) {
    ... on ProductPoints { text standardPoints extraPoints signUpPoints }
    ... on UserError { code message }
  }
}
""",
        product={"articleId": "coffee", "price": "12.50", "quantity": "2"},
    ),
    tab(
        """
# For everybody: what may be had for points, and for a
# customer what they can afford.
query Catalogues($locale: String) {
  giftCards(first: 10) {
    nodes { sku name(locale: $locale) pricePoints faceValue { amount currency } affordable missingPoints }
  }
  exchangeItems(sort: PRICE_ASC, first: 10) {
    nodes { sku name(locale: $locale) pricePoints fee { amount currency } inStock affordable missingPoints }
  }
}
""",
        locale="en",
    ),
    tab(
        """
# For the shop's back end. Put the token into the
# field above: with it you are the customer.
mutation CustomerToken($input: CustomerTokenCreateInput!) {
  customerTokenCreate(input: $input) {
    ... on CustomerTokenCreateSuccess { token expiresAt }
    ... on UserError { code message }
  }
}
""",
        input={"customerExternalId": "customer-1"},
    ),
    tab(
        """
# For the customer.
mutation Join {
  join(input: { acceptTerms: true }) {
    ... on JoinSuccess {
      created
      signUpPoints
      member { id joinedAt }
    }
    ... on UserError { code message }
  }
}
"""
    ),
    tab(
        """
# For the customer: what the order of the next tab
# will earn, and why.
query EarnQuote($cart: EarnCartInput!) {
  earnQuote(cart: $cart) {
    ... on EarnQuote {
      points
      parts { points availableFrom expiresAt }
      rules { label verdict basis { amount } exact points }
    }
    ... on UserError { code message }
  }
}
""",
        cart={"currency": "EUR", "placedAt": _PLACED_AT, "lines": _LINES, "deliveryFee": "4.90"},
    ),
    tab(
        """
# For the shop's back end: take the token out again.
# The points may be pending for a while.
mutation SubmitOrder($input: SubmitOrderInput!) {
  submitOrder(input: $input) {
    ... on SubmitOrderSuccess {
      outcome
      points
      total { amount currency }
      redeemed { amount }
      replayed
    }
    ... on UserError { code message }
  }
}
""",
        input={
            "order": {
                "externalId": "order-1",
                "type": "SALE",
                "status": "goods booked out",
                "placedAt": _PLACED_AT,
                "currency": "EUR",
                "customer": {"externalId": "customer-1"},
                "lines": _LINES,
                "deliveryFee": "4.90",
            }
        },
    ),
    tab(
        """
# For the customer. The database answers all of it
# in one statement.
query AccountPage {
  me {
    balance {
      available
      pending
      held
      spendable
      value { amount currency }
    }
    expiringPoints(days: 365) { points lastDay }
    holds { id voucherCode points expiresAt }
    history(first: 10) {
      nodes { id kind at points sourceType sourceId }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""
    ),
    tab(
        """
# For the customer: why there were points for that.
# Take the id of an ACCRUAL from AccountPage.
query Explain($entry: ID!) {
  explain(entry: $entry) {
    points
    at
    rules {
      label
      verdict
      why
      lostTo { label }
      basis { amount currency }
      exact
      points
    }
  }
}
""",
        entry="",
    ),
    tab(
        """
# For the customer: nothing is held yet.
query Quote($cart: CartInput!) {
  redemptionQuote(cart: $cart) {
    ... on RedemptionQuote {
      points
      value { amount currency }
      remainingToPay { amount }
      available
    }
    ... on UserError { code message }
  }
}
""",
        cart=_CART,
    ),
    tab(
        """
# For the customer: the points are held and the
# voucher code is valid from now on.
mutation Redeem($input: RedeemPointsInput!) {
  redeemPoints(input: $input) {
    ... on RedeemPointsSuccess {
      redemption {
        id
        voucherCode
        points
        value { amount currency }
        remainingToPay { amount }
        expiresAt
        extensionsLeft
      }
    }
    ... on UserError { code message }
  }
}
""",
        input={"mode": "PARTIAL", "points": 30, "cart": _CART, "idempotencyKey": "redeem-1"},
    ),
    tab(
        """
# For the customer: take the id from Redeem.
mutation Extend($input: ExtendRedemptionInput!) {
  extendRedemption(input: $input) {
    ... on ExtendRedemptionSuccess {
      redemption { expiresAt extensionsLeft }
    }
    ... on UserError { code message }
  }
}
""",
        input={"redemptionId": "", "idempotencyKey": "extend-1"},
    ),
    tab(
        """
# For the customer: told as it happens; stop it with
# the button. Redeem again in another window.
subscription Live {
  balanceChanged {
    spendable
    pending
    held
    value { amount currency }
  }
}
"""
    ),
    tab(
        """
# For the shop's back end: what a code stands for.
# Take the code from Redeem.
query Voucher($code: String!) {
  voucher(code: $code) {
    state
    points
    value { amount currency }
    expiresAt
    capturedPoints
  }
}
""",
        code="",
    ),
    tab(
        """
# For the shop's back end: the points of that code are
# spent. An order with the code on it does the same.
mutation Capture($input: CaptureRedemptionInput!) {
  captureRedemption(input: $input) {
    ... on CaptureRedemptionSuccess {
      redemption {
        state
        capturedPoints
        capturedValue { amount currency }
      }
    }
    ... on UserError { code message }
  }
}
""",
        input={"voucherCode": "", "idempotencyKey": "capture-1"},
    ),
    tab(
        """
# For the customer: two more carts, neither of which
# is bought. The next tabs give their points back.
mutation RedeemTwoMore($first: RedeemPointsInput!, $second: RedeemPointsInput!) {
  first: redeemPoints(input: $first) { ...Held }
  second: redeemPoints(input: $second) { ...Held }
}

fragment Held on RedeemPointsResult {
  ... on RedeemPointsSuccess { redemption { id voucherCode points } }
  ... on UserError { code message }
}
""",
        first={"mode": "PARTIAL", "points": 10, "cart": {**_CART, "id": "cart-2"}, "idempotencyKey": "redeem-2"},
        second={"mode": "PARTIAL", "points": 10, "cart": {**_CART, "id": "cart-3"}, "idempotencyKey": "redeem-3"},
    ),
    tab(
        """
# For the customer: give the points back. Take the
# first id from RedeemTwoMore.
mutation Cancel($input: CancelRedemptionInput!) {
  cancelRedemption(input: $input) {
    ... on CancelRedemptionSuccess { redemption { state } }
    ... on UserError { code message }
  }
}
""",
        input={"redemptionId": "", "idempotencyKey": "cancel-1"},
    ),
    tab(
        """
# For the shop's back end: give the points of a code
# back, the second from RedeemTwoMore.
mutation Release($input: ReleaseRedemptionInput!) {
  releaseRedemption(input: $input) {
    ... on ReleaseRedemptionSuccess { redemption { state } }
    ... on UserError { code message }
  }
}
""",
        input={"voucherCode": "", "idempotencyKey": "release-1"},
    ),
    tab(
        """
# For the shop's back end: one of the two coffees of
# order-1 comes back. Refund `money`.
mutation SubmitReturn($input: SubmitReturnInput!) {
  submitReturn(input: $input) {
    ... on SubmitReturnSuccess {
      outcome
      value { amount currency }
      money { amount }
      pointsGivenBack
      pointsReversed
      debt
      orderReturned
    }
    ... on UserError { code message }
  }
}
""",
        input={
            "return": {
                "externalId": "return-1",
                "orderExternalId": "order-1",
                "type": "RETURN",
                "currency": "EUR",
                "lines": [{"id": "1", "quantity": "1"}],
            }
        },
    ),
    tab(
        """
# For the shop's back end: an appointment is booked. It
# has points if a rule of the kind SERVICE is for it.
# Send it again with other times, or CANCELLED.
mutation SubmitBooking($input: SubmitBookingInput!) {
  submitBooking(input: $input) {
    ... on SubmitBookingSuccess {
      outcome
      points
      availableFrom
      replayed
    }
    ... on UserError { code message }
  }
}
""",
        input={
            "booking": {
                "externalId": "booking-1",
                "serviceId": "tasting",
                "startsAt": "2026-03-06T10:00:00+01:00",
                "endsAt": "2026-03-06T11:30:00+01:00",
                "status": "BOOKED",
                "participants": 2,
                "customer": {"externalId": "customer-1"},
            }
        },
    ),
]
