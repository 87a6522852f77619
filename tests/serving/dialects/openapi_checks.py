"""Whether a document is OpenAPI 3.1. Run in an environment of its own: the document comes on stdin."""

import json
import sys

from openapi_spec_validator import OpenAPIV31SpecValidator

OpenAPIV31SpecValidator(json.load(sys.stdin)).validate()
