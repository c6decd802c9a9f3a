"""`python -m llm_gateway` is the command llm-gateway."""

from llm_gateway.cli.main import main

main()
