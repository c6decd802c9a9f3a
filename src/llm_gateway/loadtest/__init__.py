"""Load on any API that speaks as OpenAI's does, and what came of it (`llm-gateway bench`); what to buy for a load (`sizing`)."""
