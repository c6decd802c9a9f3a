# Staging: small, and easy to take down again. State in S3: terraform init -backend-config=backend.hcl (README.md).

terraform {
  required_version = ">= 1.10.0" # use_lockfile of the backend

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.9.0, < 7.0.0"
    }
  }

  backend "s3" {}
}

provider "aws" {
  region = var.region
}

variable "region" {
  description = "Region of everything."
  type        = string
  default     = "eu-west-1"
}

variable "domain" {
  description = "Name that callers use."
  type        = string
}

variable "zone_id" {
  description = "Public Route 53 zone that the domain is in."
  type        = string
}

variable "operators_role_arn" {
  description = "IAM role that administers the cluster."
  type        = string
}

variable "redis_auth_token" {
  description = "Redis's password: TF_VAR_redis_auth_token=$(openssl rand -hex 32)."
  type        = string
  sensitive   = true
}

module "gateway" {
  source = "../.."

  name                = "llmgw-staging"
  environment         = "staging"
  secret_name         = "llm-gateway/staging"
  region              = var.region
  domain              = var.domain
  zone_id             = var.zone_id
  admin_role_arns     = { operators = var.operators_role_arn }
  redis_auth_token    = var.redis_auth_token
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
}

output "gateway" {
  description = "All that the deployment needs to know."
  value       = module.gateway
}
