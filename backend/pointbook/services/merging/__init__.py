"""A member asks for the points of another account of theirs; proof, the staff's decision, and the merge (R33)."""

from pointbook.services.merging.deciding import approve, reject
from pointbook.services.merging.events import (
    MERGE_CANCELLED,
    MERGE_MERGED,
    MERGE_PROOF,
    MERGE_REJECTED,
    MERGE_REQUESTED,
    MERGE_VERIFIED,
)
from pointbook.services.merging.proving import Proof, ProofState, confirm, look_at, proof_path
from pointbook.services.merging.requesting import RequestMerge, cancel, request_merge
from pointbook.services.merging.views import MergeRequest, Place, list_own, list_requests, sides_of

__all__ = [
    "MERGE_CANCELLED",
    "MERGE_MERGED",
    "MERGE_PROOF",
    "MERGE_REJECTED",
    "MERGE_REQUESTED",
    "MERGE_VERIFIED",
    "MergeRequest",
    "Place",
    "Proof",
    "ProofState",
    "RequestMerge",
    "approve",
    "cancel",
    "confirm",
    "list_own",
    "list_requests",
    "look_at",
    "proof_path",
    "reject",
    "request_merge",
    "sides_of",
]
