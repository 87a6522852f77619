"""The addresses of other servers, spoken so that their clients work unchanged.

open_inference.py  the Open Inference Protocol, version 2 (tensors.py: its requests; datatypes.py: their values)
invocations.py     MLflow's POST /invocations
python_json.py     JSON with NaN, as both write it
openapi.py         all addresses in OpenAPI's words (schemas.py: what they take and give)
"""
