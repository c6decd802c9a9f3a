# One region: network, cluster, data, edge, secrets, observability. Several regions are several of these (examples/two-regions).

data "aws_region" "current" {}

locals {
  tags = merge({ app = "llm-gateway", deployment = var.name, environment = var.environment, "managed-by" = "terraform" }, var.tags)
}

# A file of environments/ belongs to a region; applied in another one it would build everything twice.
resource "terraform_data" "region" {
  input = var.region

  lifecycle {
    precondition {
      condition     = data.aws_region.current.region == var.region
      error_message = "The provider's region is not var.region: set AWS_REGION, or region of the provider."
    }

    precondition {
      condition     = !(var.internal && var.failover != "manual")
      error_message = "Route 53 cannot check a load balancer with private addresses: internal needs failover = \"manual\"."
    }
  }
}

module "network" {
  source             = "./modules/network"
  name               = var.name
  cidr               = var.vpc_cidr
  zones              = var.zones
  single_nat_gateway = var.single_nat_gateway
  endpoint_services  = var.endpoint_services
  logs_key_arn       = module.observability.key_arn
  log_retention_days = var.log_retention_days
  tags               = local.tags
}

module "secrets" {
  source          = "./modules/secrets"
  name            = var.name
  secrets         = { (var.secret_name) = "What deployment/k8s takes as files: DATABASE_URL, REDIS_URL, MASTER_KEY, PEPPER, ADMIN_KEY, providers' keys" }
  replica_regions = var.secret_replica_regions
  recovery_days   = var.deletion_protection ? 30 : 0
  tags            = local.tags
}

module "cluster" {
  source                 = "./modules/cluster"
  name                   = var.name
  kubernetes_version     = var.kubernetes_version
  deletion_protection    = var.deletion_protection
  subnet_ids             = module.network.private_subnet_ids
  api_access_cidrs       = var.api_access_cidrs
  admin_role_arns        = var.admin_role_arns
  node_instance_types    = var.node_instance_types
  node_disk_gb           = var.node_disk_gb
  node_min               = var.node_min
  node_desired           = var.node_desired
  node_max               = var.node_max
  workload_identity      = var.workload_identity
  namespace              = var.namespace
  service_account        = var.service_account
  backup_service_account = var.backup_service_account
  secret_readers         = var.secret_readers
  secrets_policy_json    = module.secrets.read_policy_json
  backups_bucket_arn     = module.data.backups_bucket_arn
  backups_key_arn        = module.data.key_arn
  bedrock_model_arns     = var.bedrock_model_arns
  logs_key_arn           = module.observability.key_arn
  log_retention_days     = var.log_retention_days
  tags                   = local.tags
}

module "data" {
  source                    = "./modules/data"
  name                      = var.name
  region                    = var.region
  vpc_id                    = module.network.vpc_id
  subnet_ids                = module.network.data_subnet_ids
  client_security_group_id  = module.cluster.security_group_id
  deletion_protection       = var.deletion_protection
  redis_engine              = var.redis_engine
  redis_version             = var.redis_version
  redis_family              = var.redis_family
  redis_node_type           = var.redis_node_type
  redis_nodes               = var.redis_nodes
  redis_auth_token          = var.redis_auth_token
  redis_snapshot_days       = var.redis_snapshot_days
  postgres_version          = var.postgres_version
  postgres_instance_class   = var.postgres_instance_class
  postgres_storage_gb       = var.postgres_storage_gb
  postgres_storage_limit_gb = var.postgres_storage_limit_gb
  postgres_multi_az         = var.postgres_multi_az
  postgres_backup_days      = var.postgres_backup_days
  backup_days               = var.backup_days
  backup_lock_days          = var.backup_lock_days
  logs_key_arn              = module.observability.key_arn
  log_retention_days        = var.log_retention_days
  tags                      = local.tags
}

module "edge" {
  source                     = "./modules/edge"
  name                       = var.name
  region                     = var.region
  vpc_id                     = module.network.vpc_id
  subnet_ids                 = var.internal ? module.network.private_subnet_ids : module.network.public_subnet_ids
  node_security_group_id     = module.cluster.security_group_id
  autoscaling_group_name     = module.cluster.autoscaling_group_name
  domain                     = var.domain
  zone_id                    = var.zone_id
  internal                   = var.internal
  caller_cidrs               = var.caller_cidrs
  target_type                = var.target_type
  node_port                  = var.node_port
  pod_port                   = var.pod_port
  idle_timeout_seconds       = var.idle_timeout_seconds
  deregistration_seconds     = var.deregistration_seconds
  deletion_protection        = var.deletion_protection
  access_log_days            = var.access_log_days
  dns_policy                 = var.dns_policy
  dns_location               = var.dns_location
  failover                   = var.failover
  out_of_service             = var.out_of_service
  error_percent              = var.error_percent
  failover_errors_per_minute = var.failover_errors_per_minute
  latency_seconds            = var.latency_seconds
  alarm_least_requests       = var.alarm_least_requests
  waf_requests_per_5_minutes = var.waf_requests_per_5_minutes
  alarm_topic_arn            = module.observability.alarm_topic_arn
  logs_key_arn               = module.observability.key_arn
  log_retention_days         = var.log_retention_days
  tags                       = local.tags
}

module "observability" {
  source                   = "./modules/observability"
  name                     = var.name
  region                   = var.region
  log_retention_days       = var.log_retention_days
  alarm_emails             = var.alarm_emails
  monthly_budget_usd       = var.monthly_budget_usd
  load_balancer_arn_suffix = module.edge.load_balancer_arn_suffix
  target_group_arn_suffix  = module.edge.target_group_arn_suffix
  postgres_id              = module.data.postgres_id
  redis_id                 = module.data.redis_id
  redis_nodes              = var.redis_nodes
  tags                     = local.tags
}
