# Redis (limits and budgets of all workers) and PostgreSQL (keys, configuration, ledger), both only for the nodes of the cluster.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

resource "aws_kms_key" "this" {
  #checkov:skip=CKV2_AWS_64:AWS's own default policy is meant: the account's IAM decides

  description             = "${var.name}: Redis, PostgreSQL and backups"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  tags                    = var.tags
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}-data"
  target_key_id = aws_kms_key.this.key_id
}

resource "aws_security_group" "this" {
  for_each    = { redis = "Redis: limits and budgets", postgres = "PostgreSQL: keys, configuration, ledger" }
  name        = "${var.name}-${each.key}"
  description = each.value
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

# No rule outwards: neither of them has anything to say to anybody.
resource "aws_vpc_security_group_ingress_rule" "this" {
  for_each                     = { redis = 6379, postgres = 5432 }
  security_group_id            = aws_security_group.this[each.key].id
  description                  = "From the nodes"
  referenced_security_group_id = var.client_security_group_id
  from_port                    = each.value
  to_port                      = each.value
  ip_protocol                  = "tcp"
  tags                         = var.tags
}
