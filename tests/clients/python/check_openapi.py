"""Checks that the JSON document on standard input is a valid OpenAPI 3.1 document."""

import json
import sys

from openapi_spec_validator import OpenAPIV31SpecValidator

document = json.load(sys.stdin)
assert document["openapi"].startswith("3.1."), document["openapi"]
errors = [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in OpenAPIV31SpecValidator(document).iter_errors()]
if errors:
    sys.exit("\n".join(errors))
