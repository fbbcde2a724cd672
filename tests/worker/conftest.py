"""A server for the mails of a test."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.worker.mail_server import MailServer, serving


@pytest_asyncio.fixture
async def server() -> AsyncIterator[MailServer]:
    async with serving(MailServer()) as opened:
        yield opened
