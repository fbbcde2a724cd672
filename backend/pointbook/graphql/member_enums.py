"""What a member may do, as the schema says it to the member and to the staff."""

from pointbook.graphql.described import described_enum
from pointbook.services.members import MemberState

__all__ = ["MemberState"]

described_enum(
    MemberState,
    "What a member may do.",
    ACTIVE="Earns and redeems.",
    INACTIVE="Neither earns nor redeems.",
)
