from tests.http.fixtures import app, client, clock, session_clock, shop

__all__ = ["app", "client", "clock", "session_clock", "shop"]
