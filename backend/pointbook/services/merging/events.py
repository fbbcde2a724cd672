"""What is told of a merge request. Payloads name requests and members by opaque ids; no address, no reason.

``merge.requested`` says nothing of the other account, for nobody knows yet whether there is one. That a request
has expired is no event: nothing is written then, it is read from the clock.
"""

from typing import Final

MERGE_REQUESTED: Final = "merge.requested"
MERGE_VERIFIED: Final = "merge.verified"
MERGE_MERGED: Final = "merge.merged"
MERGE_REJECTED: Final = "merge.rejected"
MERGE_CANCELLED: Final = "merge.cancelled"

MERGE_PROOF: Final = "merge.proof"
"""A job and no event: the letter with the link, if a member has the address."""
