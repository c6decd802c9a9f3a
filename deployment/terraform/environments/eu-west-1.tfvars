# The second of three regions: four pods. Keys and rows of Europe stay here.
name        = "llmgw-euw1"
environment = "production"
secret_name = "llm-gateway/eu-west-1" # as in deployment/k8s
region      = "eu-west-1"
domain      = "llm.example.com"
zone_id     = "Z00000000000000000000" # yours

admin_role_arns = { operators = "arn:aws:iam::111122223333:role/operators" } # yours

vpc_cidr     = "10.1.0.0/16"
node_desired = 4

dns_policy = "latency"
failover   = "endpoint"

postgres_instance_class = "db.m7g.large"
postgres_backup_days    = 35
alarm_emails            = ["operators@example.com"] # yours
