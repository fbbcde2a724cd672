"""The programme as it is set up."""

from typing import Final

from pointbook.services.export_shapes import Kind, all_of, ids_of, json_of, money_of

CONFIGURATION: Final = (
    Kind(
        "programme",
        ("programme",),
        """
        select slug, name, state, state_since, currency, time_zone, locales, sandbox,
            extract(epoch from clock_ahead)::bigint as clock_ahead_seconds,
            entry_channels,
            exit_channels, country, subdivision, own_holidays::text as own_holidays, created_at
        from programme where id = $1
        """,
        json_of("ownHolidays"),
    ),
    Kind(
        "settingsVersion",
        ("settings_version",),
        """
        select version, effective_from, currency, document::text as document, created_at
        from settings_version where programme_id = $1 order by version
        """,
        json_of("document"),
    ),
    Kind(
        "clockMove",
        ("clock_move",),
        """
        select id, at, extract(epoch from ahead)::bigint as ahead_seconds
        from clock_move where programme_id = $1 order by id
        """,
    ),
    Kind(
        "earningRuleVersion",
        ("earning_rule_version",),
        """
        select rule_key as key, version, state, effective_from, currency, document::text as document, created_at,
            created_by
        from earning_rule_version where programme_id = $1 order by rule_key, version
        """,
        json_of("document"),
    ),
    Kind(
        "store",
        ("store",),
        """
        select store_id as id, name, time_zone, active, country, subdivision, own_holidays::text as own_holidays,
            created_at
        from store where programme_id = $1 order by store_id
        """,
        json_of("ownHolidays"),
    ),
    Kind(
        "key",
        ("api_key",),
        """
        select key_id as id, kind, last_four, label, scopes, origins, any_document, created_at, expires_at,
            revoked_at
        from api_key where programme_id = $1 order by created_at, key_id
        """,
        ids_of("id"),
    ),
    Kind(
        "tokenKey",
        ("token_key",),
        """
        select kid, algorithm, holder, public_key, created_at, revoked_at
        from token_key where programme_id = $1 order by created_at, kid
        """,
    ),
    Kind(
        "webhookEndpoint",
        ("webhook_endpoint",),
        """
        select endpoint_id as id, kind, label, created_at, revoked_at
        from webhook_endpoint where programme_id = $1 order by created_at, endpoint_id
        """,
    ),
    Kind(
        "webhookSubscription",
        ("webhook_subscription",),
        """
        select subscription_id as id, url, events, state, disabled_reason, secret_version, failing_since,
            created_at
        from webhook_subscription where programme_id = $1 order by created_at, subscription_id
        """,
        ids_of("id"),
    ),
    Kind(
        "noticeSettings",
        ("notice_setting",),
        """
        select sender_name, reply_to, staff_addresses, footer, colour, logo_url, account_url, off, version,
            changed_at, changed_by
        from notice_setting where programme_id = $1
        """,
    ),
    Kind(
        "noticeText",
        ("notice_template",),
        """
        select kind, locale, subject, body, version, changed_at, changed_by
        from notice_template where programme_id = $1 order by kind, locale
        """,
    ),
    Kind(
        "giftCardProduct",
        ("gift_card_product",),
        """
        select sku, currency, face_value, price_points, validity_days, active, names::text as names,
            descriptions::text as descriptions, category, image_url, position, created_at, updated_at
        from gift_card_product where programme_id = $1 order by id
        """,
        all_of(json_of("names", "descriptions"), money_of("faceValue")),
    ),
    Kind(
        "exchangeItem",
        ("exchange_item",),
        """
        select sku, currency, price_points, fee, max_per_order, max_per_member, stock, active,
            names::text as names, descriptions::text as descriptions, category, image_url, position, created_at,
            updated_at
        from exchange_item where programme_id = $1 order by id
        """,
        all_of(json_of("names", "descriptions"), money_of("fee")),
    ),
)
