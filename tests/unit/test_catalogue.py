"""Offers as people write them (R29, R30): every field has bounds, pictures come from public hosts by https."""

from typing import Any

import pytest

from pointbook.domain.catalogue import (
    MAX_IMAGE_URL,
    ExchangeItem,
    GiftCardProduct,
    check_locales,
    image_url,
    read_offer,
    write_offer,
)
from pointbook.domain.errors import InvalidInput

NAMES = {"de": "Becher", "en": "Mug"}
CARD = {"sku": "card-50", "names": {"de": "Gutschein"}, "pricePoints": 500, "faceValue": "50.00"}
MUG = {"sku": "mug", "names": NAMES, "pricePoints": 150}


def test_what_is_left_out_has_its_default() -> None:
    card, mug = read_offer(GiftCardProduct, CARD, "EUR"), read_offer(ExchangeItem, MUG, "EUR")
    assert card == GiftCardProduct(
        sku="card-50", names=(("de", "Gutschein"),), price_points=500, face_value=5_000, validity_days=None
    )
    assert (mug.fee, mug.max_per_order, mug.max_per_member, mug.active, mug.position) == (0, None, None, True, 0)


def test_what_is_written_is_read_again() -> None:
    whole = {
        **MUG,
        "descriptions": {"en": "Ceramic.\n300 ml."},
        "active": False,
        "category": "kitchen",
        "imageUrl": "https://images.example.com/mug.jpg",
        "position": 7,
        "fee": "0.10",
        "maxPerOrder": 5,
        "maxPerMember": 10,
    }
    assert write_offer(read_offer(ExchangeItem, whole, "PLN"), "PLN") == whole
    card = read_offer(GiftCardProduct, {**CARD, "validityDays": 730}, "EUR")
    assert read_offer(GiftCardProduct, write_offer(card, "EUR"), "EUR") == card


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sku", None),
        ("sku", "x" * 65),
        ("names", None),
        ("names", ["Becher"]),
        ("names.de", {"de": ""}),
        ("names.de", {"de": "x" * 201}),
        ("names.de", {"de": "two\nlines"}),
        ("descriptions.de", {"de": "x" * 2_001}),
        ("descriptions.de", {"de": "a\0"}),
        ("pricePoints", None),
        ("pricePoints", 0),
        ("pricePoints", 10**9 + 1),
        ("pricePoints", 1.5),
        ("active", "yes"),
        ("category", "x" * 65),
        ("position", -1),
        ("imageUrl", "http://images.example.com/a.jpg"),
        ("fee", "-0.10"),
        ("fee", "0.101"),
        ("maxPerOrder", 0),
        ("maxPerOrder", 1_001),
        ("maxPerMember", 0),
        ("faceValue", "5.00"),
    ],
)
def test_what_is_out_of_bounds_is_refused_by_its_name(field: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_offer(ExchangeItem, {**MUG, field.partition(".")[0]: value}, "EUR")
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("field", "value"),
    [("faceValue", None), ("faceValue", "0"), ("validityDays", 0), ("validityDays", 36_501), ("fee", "0.10")],
)
def test_a_gift_card_has_a_value_and_no_fee(field: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_offer(GiftCardProduct, {**CARD, field: value}, "EUR")
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("texts", "field"),
    [
        ({"names": {"en": "Mug"}}, "names"),
        ({"names": {**NAMES, "fr": "Tasse"}}, "names.fr"),
        ({"names": NAMES, "descriptions": {"fr": "Tasse"}}, "descriptions.fr"),
    ],
)
def test_texts_are_in_the_programmes_languages_and_a_name_in_its_first(texts: Any, field: str) -> None:
    check_locales(read_offer(ExchangeItem, MUG, "EUR"), ("de", "en"), "de")
    with pytest.raises(InvalidInput) as refusal:
        check_locales(read_offer(ExchangeItem, {**MUG, **texts}, "EUR"), ("de", "en"), "de")
    assert refusal.value.field == field


@pytest.mark.parametrize(
    "address",
    [
        "https://images.example.com/a/b.jpg?width=300&v=1,2",
        "https://example.com",
        "https://example.com:8443/a.png",
        "https://xn--bcher-kva.example/a.png",
        "https://cdn.example.xn--p1ai/a.png",
        "https://1.2.3.example/%C3%BC.webp",
    ],
)
def test_a_picture_of_a_public_host_is_let_in(address: str) -> None:
    assert image_url("imageUrl", address) == address


@pytest.mark.parametrize(
    "address",
    [
        "http://images.example.com/a.jpg",
        "HTTPS://images.example.com/a.jpg",
        "//images.example.com/a.jpg",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "https:images.example.com/a.jpg",
        "https:///a.jpg",
        "https://user@images.example.com/a.jpg",
        "https://user:secret@images.example.com/a.jpg",
        "https://images.example.com/a.svg#<script>",
        "https://images.example.com/a.svg#onload",
        'https://images.example.com/a.jpg" onerror="x',
        "https://images.example.com/a b.jpg",
        "https://images.example.com/a\n.jpg",
        "https://images.example.com/a\0.jpg",
        "https://images.example.com\\@evil.example/a.jpg",
        "https://bücher.example/a.jpg",
        "https://localhost/a.jpg",
        "https://intranet/a.jpg",
        "https://shop.local/a.jpg",
        "https://db.internal/a.jpg",
        "https://127.0.0.1/a.jpg",
        "https://127.1/a.jpg",
        "https://2130706433/a.jpg",
        "https://0x7f.0x0.0x0.0x1/a.jpg",
        "https://10.0.0.1/a.jpg",
        "https://[::1]/a.jpg",
        "https://[::ffff:7f00:1]/a.jpg",
        "https://example.com./a.jpg",
        "https://example..com/a.jpg",
        "https://-example.com/a.jpg",
        "https://example.com:/a.jpg",
        "https://example.com:99999/a.jpg",
        "https://example.com:8x/a.jpg",
        "https://" + "a." * 127 + "com/a.jpg",
        "https://example.com/" + "a" * MAX_IMAGE_URL,
        "",
        None,
        7,
    ],
)
def test_anything_else_is_no_picture(address: object) -> None:
    with pytest.raises(InvalidInput) as refusal:
        image_url("imageUrl", address)
    assert refusal.value.field == "imageUrl"
