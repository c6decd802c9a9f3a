# terraform test: what is planned, with AWS mocked. Nothing is made, no account is needed.

mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { region = "us-east-1" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_availability_zones" {
    defaults = { names = ["us-east-1a", "us-east-1b", "us-east-1c", "us-east-1d"] }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  # What AWS would tell once it is made, where something else is built of it.
  mock_resource "aws_acm_certificate" {
    defaults = {
      domain_validation_options = [
        { domain_name = "llm.example.com", resource_record_name = "_a.llm.example.com", resource_record_type = "CNAME", resource_record_value = "_b.acm.example" },
        { domain_name = "*.llm.example.com", resource_record_name = "_a.llm.example.com", resource_record_type = "CNAME", resource_record_value = "_b.acm.example" },
      ]
    }
  }

  mock_resource "aws_eks_cluster" {
    defaults = {
      identity = [{ oidc = [{ issuer = "https://oidc.eks.us-east-1.amazonaws.com/id/ABC" }] }]
    }
  }

  mock_resource "aws_eks_node_group" {
    defaults = {
      resources = [{ autoscaling_groups = [{ name = "nodes" }], remote_access_security_group_id = "" }]
    }
  }

  mock_resource "aws_db_instance" {
    defaults = {
      master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:x", kms_key_id = "k", secret_status = "active" }]
    }
  }
}

variables {
  name             = "llmgw"
  environment      = "test"
  secret_name      = "llm-gateway/test"
  region           = "us-east-1"
  domain           = "llm.example.com"
  zone_id          = "Z0123456789ABCDEFGHIJ"
  admin_role_arns  = { operators = "arn:aws:iam::111122223333:role/operators" }
  redis_auth_token = "0123456789abcdef0123456789abcdef"
}

run "defaults" {
  assert {
    condition     = output.url == "https://llm.example.com" && output.region_url == "https://us-east-1.llm.example.com"
    error_message = "The region must answer under the shared name and under its own."
  }

  assert {
    condition     = length(output.nat_addresses) == 3
    error_message = "Each zone has a NAT gateway of its own."
  }

  assert {
    condition     = keys(output.secret_arns) == ["llm-gateway/test"]
    error_message = "There is a place for the secrets, without values."
  }
}

run "small" {
  variables {
    zones               = 2
    single_nat_gateway  = true
    endpoint_services   = []
    redis_nodes         = 1
    deletion_protection = false
    failover            = "manual"
    internal            = true
    target_type         = "ip"
  }

  assert {
    condition     = length(output.nat_addresses) == 1
    error_message = "One NAT gateway for all zones."
  }
}

run "everything" {
  variables {
    workload_identity          = "irsa"
    bedrock_model_arns         = ["arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-5"]
    backup_lock_days           = 30
    caller_cidrs               = ["203.0.113.0/24"]
    dns_policy                 = "latency"
    failover                   = "full"
    waf_requests_per_5_minutes = 1000
    alarm_emails               = ["operators@example.com"]
    monthly_budget_usd         = 100
    secret_replica_regions     = ["eu-west-1"]
    api_access_cidrs           = ["203.0.113.0/24"]
  }
}

run "out_of_service" {
  variables {
    dns_policy     = "geolocation"
    dns_location   = "EU"
    out_of_service = true
  }
}

run "another_region" {
  command = plan

  variables {
    region = "eu-west-1"
  }

  expect_failures = [terraform_data.region]
}

run "unsupported_kubernetes" {
  command = plan

  variables {
    kubernetes_version = "1.28"
  }

  expect_failures = [var.kubernetes_version]
}

run "weak_password" {
  command = plan

  variables {
    redis_auth_token = "short"
  }

  expect_failures = [var.redis_auth_token]
}
