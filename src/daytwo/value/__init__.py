"""Is it worth it: what decisions brought, what the model cost, and what is left, in money."""
