# Two regions that share a name, and nothing else (docs/REGIONS.md, "Each region by itself"). Callers are answered by the nearer one;
# if one fails its checks, by the other. Each one's database backups are copied to the other.

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
  alias  = "america"
  region = "us-east-1"
}

provider "aws" {
  alias  = "europe"
  region = "eu-west-1"
}

locals {
  common = {
    environment = "production"
    domain      = var.domain
    zone_id     = var.zone_id
    dns_policy  = "latency"
  }
}

module "america" {
  source    = "../.."
  providers = { aws = aws.america }

  name                    = "llmgw-use1"
  environment             = local.common.environment
  secret_name             = "llm-gateway/us-east-1"
  region                  = "us-east-1"
  domain                  = local.common.domain
  zone_id                 = local.common.zone_id
  dns_policy              = local.common.dns_policy
  failover                = var.failover
  out_of_service          = contains(var.out_of_service, "us-east-1")
  admin_role_arns         = { operators = var.operators_role_arn }
  redis_auth_token        = var.redis_auth_tokens["us-east-1"]
  vpc_cidr                = "10.0.0.0/16"
  postgres_instance_class = "db.m7g.large"
  postgres_backup_days    = 35
  alarm_emails            = var.alarm_emails
}

module "europe" {
  source    = "../.."
  providers = { aws = aws.europe }

  name                    = "llmgw-euw1"
  environment             = local.common.environment
  secret_name             = "llm-gateway/eu-west-1"
  region                  = "eu-west-1"
  domain                  = local.common.domain
  zone_id                 = local.common.zone_id
  dns_policy              = local.common.dns_policy
  failover                = var.failover
  out_of_service          = contains(var.out_of_service, "eu-west-1")
  admin_role_arns         = { operators = var.operators_role_arn }
  redis_auth_token        = var.redis_auth_tokens["eu-west-1"]
  vpc_cidr                = "10.1.0.0/16"
  postgres_instance_class = "db.m7g.large"
  postgres_backup_days    = 35
  alarm_emails            = var.alarm_emails
}

# The copies are encrypted by keys of the region they lie in, which is still there when the other one is not.
resource "aws_kms_key" "copies_in_europe" {
  #checkov:skip=CKV2_AWS_64:AWS's own default policy is meant: the account's IAM decides

  provider                = aws.europe
  description             = "Copies of America's database backups"
  enable_key_rotation     = true
  deletion_window_in_days = 30
}

resource "aws_kms_key" "copies_in_america" {
  #checkov:skip=CKV2_AWS_64:AWS's own default policy is meant: the account's IAM decides

  provider                = aws.america
  description             = "Copies of Europe's database backups"
  enable_key_rotation     = true
  deletion_window_in_days = 30
}

resource "aws_db_instance_automated_backups_replication" "america" {
  provider               = aws.europe
  source_db_instance_arn = module.america.postgres_arn
  kms_key_id             = aws_kms_key.copies_in_europe.arn
  retention_period       = 35
}

# Only where Europe's rows may leave Europe.
resource "aws_db_instance_automated_backups_replication" "europe" {
  count                  = var.copy_europe_to_america ? 1 : 0
  provider               = aws.america
  source_db_instance_arn = module.europe.postgres_arn
  kms_key_id             = aws_kms_key.copies_in_america.arn
  retention_period       = 35
}
