# A small copy of production: two zones, one way out, a database without a standby. About a fifth of the price.
name        = "llmgw-staging"
environment = "staging"
secret_name = "llm-gateway/staging" # as in deployment/k8s
region      = "eu-west-1"
domain      = "llm-staging.example.com"
zone_id     = "Z00000000000000000000" # yours

admin_role_arns     = { operators = "arn:aws:iam::111122223333:role/operators" } # yours
deletion_protection = false

vpc_cidr           = "10.90.0.0/16"
zones              = 2
single_nat_gateway = true
endpoint_services  = []

node_instance_types = ["t3.large"]
node_min            = 2
node_desired        = 2
node_max            = 4

redis_node_type         = "cache.t4g.small"
redis_nodes             = 2
redis_snapshot_days     = 0
postgres_instance_class = "db.t4g.small"
postgres_storage_gb     = 20
postgres_multi_az       = false
postgres_backup_days    = 3
backup_days             = 14

log_retention_days = 7
access_log_days    = 14
