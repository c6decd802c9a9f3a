# One region, as the requirements have it: three zones, nodes 3/4/20, Redis and PostgreSQL in several zones.
name        = "llmgw"
environment = "production"
secret_name = "llm-gateway/production" # as in deployment/k8s
region      = "us-east-1"
domain      = "llm.example.com"
zone_id     = "Z00000000000000000000" # yours

admin_role_arns = { operators = "arn:aws:iam::111122223333:role/operators" } # yours

postgres_instance_class    = "db.m7g.large"
postgres_backup_days       = 35
backup_lock_days           = 30
waf_requests_per_5_minutes = 30000
alarm_emails               = ["operators@example.com"] # yours
monthly_budget_usd         = 3000
