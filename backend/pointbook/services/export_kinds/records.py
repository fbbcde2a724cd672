"""What staff are told, and what they did."""

from typing import Final

from pointbook.services.export_shapes import Kind, json_of

RECORDS: Final = (
    Kind(
        "staffWarning",
        ("staff_warning",),
        """
        select id, at, kind, subject, detail::text as detail from staff_warning where programme_id = $1 order by id
        """,
        json_of("detail"),
    ),
    Kind(
        "auditEntry",
        ("audit_entry",),
        """
        select id, at, changed_by, action, subject, before::text as before, after::text as after
        from audit_entry where programme_id = $1 order by id
        """,
        json_of("before", "after"),
    ),
)
