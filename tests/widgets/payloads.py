"""150 texts that would run a script, were they ever taken as markup, as an address or as an expression."""

from itertools import product
from typing import Final

_RUN: Final = "window.ran=1"
_SHAPES: Final = (
    "<script>{}</script>",
    "<script src=data:text/javascript,{}></script>",
    "<img src=x onerror={}>",
    "<img src=x onerror='{}' ",
    "<svg onload={}>",
    "<svg><script>{}</script></svg>",
    "<svg><animate onbegin={} attributeName=x dur=1s>",
    "<math><mi xlink:href='javascript:{}'>x</mi></math>",
    "<details open ontoggle={}>x</details>",
    "<input autofocus onfocus={}>",
    "<body onload={}>",
    "<video><source onerror={}></video>",
    "<audio src=x onerror={}>",
    "<iframe srcdoc='<script>parent.{}</script>'></iframe>",
    "<iframe src='javascript:parent.{}'></iframe>",
    "<object data='javascript:{}'></object>",
    "<embed src='javascript:{}'>",
    "<a href='javascript:{}' autofocus onfocus={}>x</a>",
    "<form action='javascript:{}'><button autofocus onfocus={}>x</button></form>",
    "<style>@import 'javascript:{}'</style>",
    "<link rel=stylesheet href='javascript:{}' onerror={}>",
    "<meta http-equiv=refresh content='0;url=javascript:{}'>",
    "<template shadowrootmode=open><img src=x onerror={}></template>",
    "<noscript><img src=x onerror={}></noscript>",
    "<pointbook-product article=x join-url='javascript:{}'></pointbook-product>",
    "<marquee onstart={}>x</marquee>",
    "<xss style='animation-name:x' onanimationstart={}>x</xss>",
    "<table background='javascript:{}'></table>",
    "javascript:{}",
    "${{{}}}{{{{{}}}}}[[{}]]",
)
_BEFORE: Final = ("", '"> ', "'> ", "</span></p></style></title>", "<!--?lit$1$--><!--", "]]>&lt;")
PAYLOADS: Final = [
    before
    + shape.replace("{{", "\0").replace("}}", "\1").replace("{}", _RUN).replace("\0", "{").replace("\1", "}")
    for before, shape in product(_BEFORE, _SHAPES)
][:150]
