#!/bin/sh
# A household of the imported year pays a basket of 29.49 with points, through GraphQL over HTTP:
#   examples/complete_journey/redeem.sh [HOUSEHOLD] [URL]
# The shop's server holds the secret key, here KEY, and acts for the customer with a token. Needs curl, and a
# running API whose database the pointbook command finds.
set -eu
household=${1:-2337}
api=${2:-http://127.0.0.1:8000}/graphql
basket=till-7-$(date +%s)

if [ -z "${KEY:-}" ]; then
    echo 'Make a key once: export KEY=$(pointbook key create secret --label "Till 7" --programme journey)' >&2
    exit 1
fi
token=$(pointbook token create "$household" --programme journey)

# ask CREDENTIAL DOCUMENT VARIABLES
ask() {
    printf '{"query": "%s", "variables": %s}' "$2" "$3" | tr '\n' ' ' |
        curl -sS --fail-with-body "$api" -H "Content-Type: application/json" \
            -H "Pointbook-Key: $KEY" -H "Authorization: Bearer $1" --data-binary @-
    echo
}

echo "1. What the household has"
ask "$token" "{ me { balance { spendable value { amount currency } } history(first: 2) { nodes { kind points sourceId at } } } }" "{}"

echo "2. It redeems for the basket"
redeemed=$(ask "$token" "mutation (\$input: RedeemPointsInput!) { redeemPoints(input: \$input) { __typename
    ... on RedeemPointsSuccess { redemption { voucherCode points value { amount } remainingToPay { amount } expiresAt } }
    ... on UserError { code message } } }" \
    "{\"input\": {\"mode\": \"FULL\", \"idempotencyKey\": \"$basket\",
        \"cart\": {\"id\": \"$basket\", \"total\": \"29.49\", \"currency\": \"USD\"}}}")
echo "$redeemed"
code=$(echo "$redeemed" | sed -n 's/.*"voucherCode":"\([^"]*\)".*/\1/p')

echo "3. The shop reports the order with the voucher"
ask "$KEY" "mutation (\$input: SubmitOrderInput!) { submitOrder(input: \$input) { __typename
    ... on SubmitOrderSuccess { externalId outcome points total { amount } redeemed { amount } }
    ... on UserError { code message } } }" \
    "{\"input\": {\"order\": {\"externalId\": \"$basket\", \"type\": \"SALE\", \"status\": \"goods booked out\",
        \"placedAt\": \"$(date -u +%Y-%m-%dT%H:%M:%SZ)\", \"currency\": \"USD\", \"store\": \"330\",
        \"customer\": {\"externalId\": \"$household\"}, \"voucherCode\": \"$code\",
        \"lines\": [{\"id\": \"1\", \"articleId\": \"1095275\", \"quantity\": \"1\", \"amount\": \"29.49\"}]}}}"

echo "4. What the household has now"
ask "$token" "{ me { balance { spendable held } history(first: 3) { nodes { kind points sourceType sourceId } } } }" "{}"

pointbook verify
