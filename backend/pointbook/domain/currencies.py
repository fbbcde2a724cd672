"""The active currencies and funds of ISO 4217 (list one), with their numbers of decimal places.

Codes without a minor unit (metals, XDR, XTS, XXX and the like) are left out: no price is in them.
"""

from typing import Final

from pointbook.domain.errors import InvalidInput

_BY_DECIMAL_PLACES: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF "
        "CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL "
        "HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU "
        "MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR "
        "SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED "
        "VES WST XAD XCD XCG YER ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}

EXPONENTS: Final = {code: places for places, codes in _BY_DECIMAL_PLACES.items() for code in codes.split()}


def exponent(currency: object, field: str = "currency") -> int:
    """How many decimal places the currency has; InvalidInput when it is none of ISO 4217.

    >>> exponent("EUR"), exponent("JPY"), exponent("KWD")
    (2, 0, 3)
    """
    places = EXPONENTS.get(currency) if isinstance(currency, str) else None
    if places is None:
        raise InvalidInput(field, "must be the code of a currency of ISO 4217, like EUR")
    return places
