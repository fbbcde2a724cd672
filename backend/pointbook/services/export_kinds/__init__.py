"""What an export tells, type by type: from which tables, with which fields, in which form."""

from typing import Final

from pointbook.services.export_kinds.configuration import CONFIGURATION
from pointbook.services.export_kinds.documents import DOCUMENTS
from pointbook.services.export_kinds.ledger import LEDGER
from pointbook.services.export_kinds.records import RECORDS
from pointbook.services.export_kinds.rewards import REWARDS

KINDS: Final = (*CONFIGURATION, *LEDGER, *DOCUMENTS, *REWARDS, *RECORDS)
