"""Requests of people who mean no good. The tests say that each is refused; the benchmark says how fast."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple


class Hostile(NamedTuple):
    """``query`` with ``variables``, and the codes of which a refusal has one."""

    name: str
    query: str
    codes: frozenset[str]
    variables: dict[str, Any] = {}  # never changed


def _case(name: str, query: str, *codes: str, **variables: Any) -> Hostile:
    return Hostile(name, query, frozenset(codes), variables)


_SYNTAX: Final = "INVALID_DOCUMENT"
_VARIABLES: Final = "INVALID_VARIABLES"
_NESTED: Final = "{me" * 150 + "{id}" + "}" * 150
_HISTORY: Final = "history(first: 100) { edges { node { id kind at points } } nodes { id } }"


def documents() -> Iterator[Hostile]:
    """Every one is refused, with a secret key, before anything is read."""
    yield from _deep()
    yield from _fragments()
    yield from _wide()
    yield from _text()
    yield from _introspection()
    yield from _values()


def _deep() -> Iterator[Hostile]:
    yield _case("nested 150 deep", _NESTED, "TOO_DEEP")
    yield _case("nested 500 deep", "{a" * 499 + "}" * 499, _SYNTAX)
    yield _case("nested without an end", "{a" * 900, _SYNTAX)
    yield _case("lists nested 400 deep", "{me(a:" + "[" * 400 + "]" * 400 + "){id}}", _SYNTAX)
    yield _case("objects nested 150 deep", "{me(a:" + "{a:" * 150 + "1" + "}" * 150 + "){id}}", _SYNTAX)
    yield _case("inline fragments nested 120 deep", "{" + "...{" * 120 + "me{id}" + "}" * 121, "TOO_DEEP")
    yield _case("list types nested 190 deep", "query($a:" + "[" * 190 + "Int" + "]" * 190 + "){me{id}}", _SYNTAX)


def _fragments() -> Iterator[Hostile]:
    doubling = "".join(f"fragment F{n} on Member{{...F{n + 1} ...F{n + 1}}}" for n in range(60))
    yield _case(
        "fragments doubling 60 times",
        "{me{...F0}}" + doubling + "fragment F60 on Member{id}",
        "TOO_COSTLY",
        "TOO_MUCH_REPETITION",
        "TOO_DEEP",
    )
    aliased = "".join(f"fragment F{n} on Member{{a{n}:id ...F{n + 1} ...F{n + 1}}}" for n in range(20))
    yield _case(
        "fragments doubling aliases", "{me{...F0}}" + aliased + "fragment F20 on Member{id}", "TOO_MANY_ALIASES"
    )
    chain = "".join(f"fragment F{n} on Member{{...F{n + 1}}}" for n in range(120))
    yield _case("a chain of 120 fragments", "{me{...F0}}" + chain + "fragment F120 on Member{id}", "TOO_DEEP")
    yield _case("a fragment in itself", "{me{...A}}fragment A on Member{id ...A}", "FRAGMENT_CYCLE")
    ring = "".join(f"fragment R{n} on Member{{...R{(n + 1) % 40}}}" for n in range(40))
    yield _case("a ring of 40 fragments", "{me{...R0}}" + ring, "FRAGMENT_CYCLE")
    yield _case("an unused ring", "{me{id}}" + ring, "FRAGMENT_CYCLE")
    same = "fragment A on Member{id}" * 80
    yield _case("80 fragments of one name", "{me{...A}}" + same, "DUPLICATE_FRAGMENT")
    spreads = "{me{" + "...A " * 200 + "}}fragment A on Member{id}"
    yield _case("a fragment spread 200 times", spreads, "TOO_MUCH_REPETITION")
    many = "".join(f"fragment F{n} on Member{{id}}" for n in range(60))
    yield _case(
        "60 fragments spread side by side",
        "{me{" + "".join(f"...F{n} " for n in range(60)) + "}}" + many,
        "TOO_MUCH_REPETITION",
    )


def _wide() -> Iterator[Hostile]:
    yield _case("100 aliases of me", "{" + "".join(f"a{n}:me{{id}}" for n in range(100)) + "}", "TOO_MANY_ALIASES")
    yield _case(
        "30 histories of 100",
        "{me{" + "".join(f"h{n}:{_HISTORY}" for n in range(30)) + "}}",
        "TOO_COSTLY",
    )
    yield _case(
        "a page size that is not known",
        "query($n:Int){me{a:" + _HISTORY.replace("100", "$n") * 9 + "}}",
        "TOO_COSTLY",
    )
    yield _case(
        "100 lines of 100 rules",
        'query{explain(entry:"a-1"){rules(first:100){label lines(first:100){line points}}}}',
        "TOO_COSTLY",
    )
    yield _case("the same field 450 times", "{me{" + "id " * 450 + "}}", "TOO_MUCH_REPETITION")
    overlapping = "{" + "me{balance{value{amount currency}}}" * 60 + "}"
    yield _case("overlapping fields to compare", overlapping, "TOO_MUCH_REPETITION")
    yield _case("120 directives", "{me{id " + "@skip(if:false) " * 120 + "}}", "TOO_MANY_DIRECTIVES")
    yield _case(
        "directives on many fields",
        "{me{"
        + "".join(f"f{n}:id@include(if:true)" for n in range(29))
        + "id@skip(if:false)@include(if:true)"
        + "}}",
        "TOO_MANY_DIRECTIVES",
    )
    yield _case("50 operations", "".join(f"query Q{n}{{me{{id}}}}" for n in range(50)), "TOO_MANY_OPERATIONS")
    variables = "".join(f"$v{n}:Int " for n in range(320))
    yield _case("320 variables", f"query({variables}){{me{{id}}}}", _SYNTAX)
    yield _case("1,200 fields", "{" + "a " * 1200 + "}", _SYNTAX)
    yield _case("480 fields nobody has", "{me{" + "".join(f"field{n} " for n in range(480)) + "}}", _SYNTAX)


def _text() -> Iterator[Hostile]:
    yield _case("a document of 90 KB", "{me{id}}" + " " * 90_000, "TOO_LONG")
    yield _case("a string of 90 KB", '{me{history(after:"' + "x" * 90_000 + '"){nodes{id}}}}', "TOO_LONG")
    yield _case("6,000 comments", "#x\n" * 6_000 + "{me{id}}", _SYNTAX)
    yield _case("a string without an end", '{me{history(after:"' + "x" * 19_000, _SYNTAX)
    yield _case("a block string without an end", '{me{history(after:"""' + '"" ' * 6_000, _SYNTAX)
    yield _case("an escape without an end", '{me{history(after:"\\u{1F6', _SYNTAX)
    yield _case("an escape out of range", '{me{history(after:"\\u{110000}"){nodes{id}}}}', _SYNTAX)
    yield _case("half a surrogate pair", '{me{history(after:"\\uD800"){nodes{id}}}}', _SYNTAX)
    yield _case("U+0000 as an escape", '{me{history(after:"a\\u0000b"){nodes{id}}}}', "INVALID_TEXT")
    yield _case("U+0000 in braces", '{me{history(after:"\\u{000}"){nodes{id}}}}', "INVALID_TEXT")
    yield _case("nothing", "   \n,,,", _SYNTAX)
    yield _case("a number with 15,000 digits", "{me{history(first:" + "9" * 15_000 + "){nodes{id}}}}", _SYNTAX)
    yield _case("type definitions", "type A{a:Int}" * 60, _SYNTAX)
    yield _case("a subscription", "subscription{me{id}}", _SYNTAX)


def _introspection() -> Iterator[Hostile]:
    inner = "name"
    for _ in range(4):
        inner = f"fields{{type{{{inner}}}}}"
    yield _case("the schema in the schema", f"{{__schema{{types{{{inner}}}}}}}", "TOO_MUCH_INTROSPECTION")
    yield _case(
        "the schema 25 times",
        "{" + "".join(f"s{n}:__schema{{types{{fields{{name}}}}}}" for n in range(25)) + "}",
        "TOO_MUCH_INTROSPECTION",
    )
    yield _case(
        "possible types of interfaces",
        '{__type(name:"UserError"){possibleTypes{interfaces{possibleTypes{interfaces{name}}}}}}',
        "TOO_MUCH_INTROSPECTION",
    )


def _values() -> Iterator[Hostile]:
    history = "query($n:Int){me{history(first:$n){nodes{id}}}}"
    yield _case("a page of 2^40", history, _VARIABLES, n=2**40)
    yield _case("a page of text", history, _VARIABLES, n="1; drop table entry")
    quote = "query($c:CartInput!){redemptionQuote(cart:$c){__typename}}"
    cart = {"id": "c", "total": "1.00", "currency": "EUR"}
    yield _case("a float for money", quote, _VARIABLES, c={**cart, "total": 19.99})
    yield _case("20,000 shop vouchers that are none", quote, _VARIABLES, c={**cart, "shopVouchers": [0] * 20_000})
    earn = "query($c:EarnCartInput!){earnQuote(cart:$c){__typename}}"
    yield _case("20,000 lines that are none", earn, _VARIABLES, c={"currency": "EUR", "lines": [0] * 20_000})
    yield _case("an object nested 500 deep", quote, _VARIABLES, c={**cart, "shopVouchers": _nested(500)})
    yield _case("an unknown field", quote, _VARIABLES, c={**cart, "x" * 50_000: 1})


def _nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


BODIES: Final[dict[str, bytes]] = {
    "nothing": b"",
    "a text": b'"x"',
    "null": b"null",
    "a number": b"17",
    "a list": b"[]",
    "a batch": b'[{"query":"{me{id}}"}]',
    "100,000 nested lists": b"[" * 99_000,
    "nested objects": b'{"query":' * 10_000,
    "a nested list as query": b'{"query":' + b"[" * 50_000 + b"]" * 40_000 + b"}",
    "no UTF-8": b'{"query":"\xff\xfe{me{id}}"}',
    "a lone surrogate as bytes": b'{"query":"{me{id}}","operationName":"\xed\xa0\x80"}',
    "a lone surrogate as an escape": b'{"query":"{me{id}}","operationName":"\\ud800"}',
    "U+0000 in the document": b'{"query":"{me{id\\u0000}}"}',
    "U+0000 in a variable": b'{"query":"query($a:ID!){me{id}}","variables":{"a":"\\u0000"}}',
    "half an object": b'{"query":"{me{id}}"',
    "two objects": b'{"query":"{me{id}}"}{}',
    "a trailing comma": b'{"query":"{me{id}}",}',
    "single quotes": b"{'query':'{me{id}}'}",
    "NaN": b'{"query":"{me{id}}","variables":{"a":NaN}}',
    "a number beyond any double": b'{"query":"{me{id}}","variables":{"a":1e999}}',
    "a query that is a number": b'{"query":1}',
    "a duplicate key of the wrong type": b'{"query":"{me{id}}","query":1}',
    "variables as a list": b'{"query":"{me{id}}","variables":[]}',
    "variables as a text": b'{"query":"{me{id}}","variables":"{}"}',
    "extensions as a text": b'{"query":"{me{id}}","extensions":"x"}',
    "an operation name that is a list": b'{"query":"{me{id}}","operationName":[]}',
    "a document id that is a number": b'{"documentId":1}',
    "no document": b'{"variables":{}}',
    "a form": b"query=%7Bme%7Bid%7D%7D",
    "UTF-16": '{"query":"{me{id}}"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"query":"{me{id}}"}',
}
