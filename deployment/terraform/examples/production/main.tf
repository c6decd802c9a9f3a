# Production in one region. State in S3: terraform init -backend-config=backend.hcl (README.md).

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
  default     = "us-east-1"
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

variable "alarm_emails" {
  description = "Who hears of alarms."
  type        = set(string)
  default     = []
}

module "gateway" {
  source = "../.."

  name             = "llmgw"
  environment      = "production"
  secret_name      = "llm-gateway/production"
  region           = var.region
  domain           = var.domain
  zone_id          = var.zone_id
  admin_role_arns  = { operators = var.operators_role_arn }
  redis_auth_token = var.redis_auth_token
  alarm_emails     = var.alarm_emails

  postgres_instance_class    = "db.m7g.large"
  postgres_backup_days       = 35
  backup_lock_days           = 30
  waf_requests_per_5_minutes = 30000
  monthly_budget_usd         = 3000
}

output "gateway" {
  description = "All that the deployment needs to know."
  value       = module.gateway
}
