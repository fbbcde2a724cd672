"""Members and their points."""

from typing import Final

from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.export_shapes import Kind, Line, all_of, ids_of, json_of, money_of, rate_of


def _entry(line: Line, programme: ProgrammeSnapshot) -> None:
    """Its transfers, and what it takes back, by their public names."""
    ids_of("holdId")(line, programme)
    of_account, of_seq = line.pop("ofAccount"), line.pop("ofSeq")
    line["of"] = None if of_seq is None else f"{of_account.hex}-{of_seq}"
    line["id"] = f"{line['account'].hex}-{line.pop('seq')}"
    line["account"] = line["account"].hex
    columns = (line.pop(name) for name in ("debits", "credits", "lots", "points"))
    line["transfers"] = [
        {"debit": debit, "credit": credit, "lot": lot, "points": points}
        for debit, credit, lot, points in zip(*columns, strict=True)
    ]


def _adjustment(line: Line, programme: ProgrammeSnapshot) -> None:
    line["entry"] = f"{line['account'].hex}-{line.pop('seq')}"
    ids_of("id", "account", "undoes")(line, programme)


LEDGER: Final = (
    Kind(
        "member",
        ("member", "member_external_id", "ledger.account"),
        """
        select a.public_id as account, array(
                select name.external_id from member_external_id as name
                where name.programme_id = $1 and name.account_id = m.account_id order by 1
            ) as external_ids,
            m.email, m.email_verified, m.locale, m.birthday, m.notices, m.notices_since, m.joined_at, m.state,
            m.redemption_locked, m.sign_up_points, m.sign_up_judgement::text as sign_up_judgement, a.debt, a.as_of,
            target.public_id as merged_into
        from member as m
        join ledger.account as a on a.programme_id = $1 and a.account_id = m.account_id
        left join ledger.account as target on target.programme_id = $1 and target.account_id = a.merged_into
        where m.programme_id = $1 order by m.account_id
        """,
        all_of(ids_of("account", "mergedInto"), json_of("signUpJudgement")),
        own="m.account_id = any($2)",
    ),
    Kind(
        "mergeRequest",
        ("merge_request",),
        """
        select one.public_id as id, a.public_id as account, one.email, source.public_id as source, one.state,
            one.requested_at, one.expires_at, one.verified_at, one.decided_at, one.decided_by, one.reason
        from merge_request as one
        join ledger.account as a on a.programme_id = $1 and a.account_id = one.account_id
        left join ledger.account as source
            on source.programme_id = $1 and source.account_id = one.source_account_id
        where one.programme_id = $1 order by one.id
        """,
        ids_of("id", "account", "source"),
        own="one.account_id = any($2)",
    ),
    Kind(
        "ruleCount",
        ("rule_count",),
        """
        select a.public_id as account, c.rule_key as rule, c.bucket, c.points
        from rule_count as c
        join ledger.account as a on a.programme_id = $1 and a.account_id = c.account_id
        where c.programme_id = $1 order by c.account_id, c.rule_key, c.bucket
        """,
        ids_of("account"),
    ),
    Kind(
        "lot",
        ("ledger.lot",),
        """
        select l.lot_id as lot, a.public_id as account, l.granted, l.open, l.held, l.value_per_point, l.earned_at,
            l.available_from, nullif(l.expires_at, 'infinity') as expires_at, l.settings_version,
            (
                select v.currency from settings_version as v
                where v.programme_id = $1 and v.effective_from <= l.earned_at order by v.version desc limit 1
            ) as currency
        from ledger.lot as l
        join ledger.account as a on a.programme_id = $1 and a.account_id = l.owner_id
        where l.programme_id = $1 order by l.lot_id
        """,
        all_of(ids_of("account"), rate_of("valuePerPoint")),
        own="""
        l.lot_id in (
            select t.lot_id from ledger.transfer as t where t.programme_id = $1 and t.account_id = any($2)
        )""",
    ),
    Kind(
        "hold",
        ("ledger.hold",),
        """
        select h.hold_id as id, a.public_id as account, h.points, h.value, h.point_value, h.last_four,
            h.created_at, h.expires_at, h.extensions, upper(h.state) as state, h.ended_at, h.captured_points,
            h.captured_value,
            (
                select v.currency from settings_version as v
                where v.programme_id = $1 and v.effective_from <= h.created_at order by v.version desc limit 1
            ) as currency
        from ledger.hold as h
        join ledger.account as a on a.programme_id = $1 and a.account_id = h.owner_id
        where h.programme_id = $1 order by h.account_id, h.seq
        """,
        all_of(ids_of("id", "account"), money_of("value", "capturedValue"), rate_of("pointValue")),
        own="""
        h.hold_id in (
            select e.hold_id from ledger.entry as e where e.programme_id = $1 and e.account_id = any($2)
        )""",
    ),
    Kind(
        "entry",
        ("ledger.entry", "ledger.transfer"),
        """
        select a.public_id as account, e.seq, upper(e.kind) as kind, e.at, e.source_type, e.source_id,
            e.occurrence, e.hold_id,
            of.public_id as of_account, e.of_seq, moved.debits, moved.credits, moved.lots, moved.points
        from ledger.entry as e
        join ledger.account as a on a.programme_id = $1 and a.account_id = e.account_id
        left join ledger.account as of on of.programme_id = $1 and of.account_id = e.of_account_id
        cross join lateral (
            select
                coalesce(array_agg(t.debit order by t.line), '{}') as debits,
                coalesce(array_agg(t.credit order by t.line), '{}') as credits,
                coalesce(array_agg(t.lot_id order by t.line), '{}') as lots,
                coalesce(array_agg(t.points order by t.line), '{}') as points
            from ledger.transfer as t
            where t.programme_id = $1 and t.account_id = e.account_id and t.seq = e.seq
        ) as moved
        where e.programme_id = $1 order by e.account_id, e.seq
        """,
        _entry,
        own="e.account_id = any($2)",
    ),
    Kind(
        "adjustment",
        ("adjustment",),
        """
        select one.public_id as id, a.public_id as account, one.seq, one.at, one.points, one.description,
            one.internal_note, one.made_by, undone.public_id as undoes
        from adjustment as one
        join ledger.account as a
            on a.programme_id = $1 and a.account_id = coalesce(one.entry_account_id, one.account_id)
        left join adjustment as undone on undone.programme_id = $1 and undone.id = one.undoes
        where one.programme_id = $1 order by one.id
        """,
        _adjustment,
        own="one.account_id = any($2)",
    ),
    Kind(
        "lateCapture",
        ("ledger.late_capture",),
        """
        select late.hold_id, late.purchase, late.points, late.value, late.debt,
            (
                select v.currency from settings_version as v
                where v.programme_id = $1 and v.effective_from <= h.created_at order by v.version desc limit 1
            ) as currency
        from ledger.late_capture as late
        join ledger.hold as h on h.programme_id = $1 and h.hold_id = late.hold_id
        where late.programme_id = $1 order by late.account_id, late.seq
        """,
        all_of(ids_of("holdId"), money_of("value")),
    ),
)
