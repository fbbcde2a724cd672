"""One operation as GraphiQL opens it."""

import json
from typing import Any


def tab(query: str, **variables: Any) -> dict[str, str]:
    return {"query": query.strip() + "\n", "variables": json.dumps(variables, indent=2) if variables else ""}
