"""QR codes as SVG: one path, no script, no style, so that any page and any policy takes them."""

import segno


def qr_svg(text: str) -> str:
    """``text`` as a QR code that reads even where a quarter of it is dirty; as wide as its frame lets it be.

    >>> qr_svg("ABCD")[:40]
    '<svg viewBox="0 0 29 29" class="qr"><pat'
    """
    drawn: str = segno.make(text, error="q", micro=False).svg_inline(
        omitsize=True, border=4, light="#fff", svgclass="qr", lineclass=None
    )
    return drawn
