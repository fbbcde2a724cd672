"""What the staff look at and change."""

from typing import Final

from pointbook.http.examples.tab import tab

DESK: Final = [
    tab(
        """
# For the staff: put a staff key (st_...) above and press
# Use, without a token. Rules, and why one gives nothing.
query EarningRules {
  earningRules(first: 20) {
    nodes {
      key
      state
      inertReason
      newest { version effectiveFrom rule { kind name points factor targets } }
    }
  }
}
"""
    ),
    tab(
        """
# For the staff: the order of this purchase, every entry
# that it and its return caused, and why.
query Order($externalId: ID!) {
  order(externalId: $externalId) {
    state
    points
    redeemed { amount currency }
    entries(first: 10) {
      nodes {
        item { kind points at }
        explanation { rules(first: 5) { label points } }
        returnDocument { externalId value { amount } }
      }
    }
  }
}
""",
        externalId="order-1",
    ),
    tab(
        """
# For the staff: the appointments of a month.
query Bookings($filter: BookingFilterInput) {
  bookings(filter: $filter, first: 20) {
    nodes {
      externalId
      serviceId
      startsAt
      status
      outcome
      points
      availableFrom
    }
  }
}
""",
        filter={"startsFrom": "2026-03-01T00:00:00+01:00", "startsTo": "2026-04-01T00:00:00+02:00"},
    ),
    tab(
        """
# For the staff: members who joined last, with balances,
# and what the staff know of their points.
query Members($filter: MemberFilter) {
  members(filter: $filter, first: 10) {
    nodes {
      customerExternalIds
      email
      joinedAt
      state
      redemptionLocked
      balance { available pending debt }
      history(first: 5) {
        nodes {
          item { kind points at description }
          adjustment { internalNote madeByLabel }
        }
      }
    }
  }
}
""",
        filter={"state": "ACTIVE"},
    ),
    tab(
        """
# For the shop's back end: what is known of a member is put
# right. What is left out stays, and null empties.
mutation UpdateMember($input: UpdateMemberInput!) {
  updateMember(input: $input) {
    ... on UpdateMemberSuccess {
      member { customerExternalIds email emailVerified notifications { optIn since } }
      released
    }
    ... on UserError { code message }
  }
}
""",
        input={"customerExternalId": "customer-1", "email": "clara@example.org", "emailVerified": True},
    ),
    tab(
        """
# For the customer: what leaving would take, and all that is
# kept of them. To leave: leaveProgramme, with this loss.
query Leaving {
  me {
    leavingLoss { points debt giftCards unsentGiftCards exchangeOrders }
    dataExport { records endCursor }
  }
}
"""
    ),
    tab(
        """
# For the staff: points by hand. The member sees the
# description; below zero, points are taken.
mutation AdjustPoints($input: AdjustPointsInput!) {
  adjustPoints(input: $input) {
    ... on AdjustPointsSuccess {
      adjustment { id entry points madeByLabel }
    }
    ... on InsufficientPoints { requested available }
    ... on UserError { code message }
  }
}
""",
        input={
            "customerExternalId": "customer-1",
            "points": 50,
            "description": "Sorry for the delay",
            "internalNote": "parcel lost",
            "idempotencyKey": "ticket-4711",
        },
    ),
    tab(
        """
# For the staff: webhooks that were not taken, and why.
query WebhookSendings($state: WebhookSendingState) {
  webhookSubscriptions {
    id
    url
    events
    state
    failingSince
  }
  webhookSendings(state: $state, first: 20) {
    nodes {
      id
      event
      attempts
      nextAttemptAt
      httpStatus
      error
    }
  }
}
""",
        state="PENDING",
    ),
    tab(
        """
# For the staff: in force 5 seconds later. Whoever edits
# it names the version they have seen.
mutation CreateRule($input: CreateRuleInput!) {
  createRule(input: $input) {
    ... on CreateRuleSuccess {
      rule { key state newest { version effectiveFrom } }
    }
    ... on UserError { code message }
  }
}
""",
        input={
            "key": "coffee-week",
            "rule": {
                "kind": "ARTICLE",
                "name": "coffee week",
                "labels": [{"locale": "de", "text": "Kaffeewoche: {points} Punkte extra"}],
                "points": 5,
                "targets": ["coffee"],
            },
        },
    ),
    tab(
        """
# For the staff: what that rule would have changed over
# the orders of a year. Nothing is changed by it.
mutation SimulateRule($input: SimulateRuleInput!) {
  simulateRule(input: $input) {
    ... on SimulateRuleSuccess {
      simulation {
        id
        state
        ordersTotal
        ordersChanged
        membersChanged
        difference
        byRule { key difference }
      }
    }
    ... on UserError { code message }
  }
}
""",
        input={
            "placedFrom": "2025-12-01T00:00:00Z",
            "placedTo": "2026-12-01T00:00:00Z",
            "key": "coffee-week",
            "version": 1,
        },
    ),
]
