from tests.http.fixtures import app, client, clock, session_clock, shop
from tests.widgets.browser import browser, page, site
from tests.widgets.served import port

__all__ = ["app", "browser", "client", "clock", "page", "port", "session_clock", "shop", "site"]
