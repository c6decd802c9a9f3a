# The first of three regions (docs/REGIONS.md): four pods.
name        = "llmgw-use1"
environment = "production"
secret_name = "llm-gateway/us-east-1" # as in deployment/k8s
region      = "us-east-1"
domain      = "llm.example.com"
zone_id     = "Z00000000000000000000" # yours

admin_role_arns = { operators = "arn:aws:iam::111122223333:role/operators" } # yours

vpc_cidr     = "10.0.0.0/16"
node_desired = 4

dns_policy = "latency"
failover   = "endpoint"

postgres_instance_class = "db.m7g.large"
postgres_backup_days    = 35
alarm_emails            = ["operators@example.com"] # yours
