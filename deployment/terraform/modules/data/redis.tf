# One primary with replicas in other zones, not a cluster: the counters of one request must lie on one server (docs/LIMITS.md).

resource "aws_elasticache_subnet_group" "this" {
  name        = var.name
  description = "${var.name}: Redis"
  subnet_ids  = var.subnet_ids
  tags        = var.tags
}

# A counter that Redis forgets is a limit that begins anew: it must refuse to write rather than evict.
resource "aws_elasticache_parameter_group" "this" {
  name        = "${var.name}-${replace(var.redis_family, ".", "-")}"
  family      = var.redis_family
  description = "${var.name}: nothing is evicted"
  tags        = var.tags

  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_elasticache_replication_group" "this" {
  #checkov:skip=CKV2_AWS_50:on wherever there is a replica; one node alone is for tests

  replication_group_id       = var.name
  description                = "${var.name}: limits and budgets"
  engine                     = var.redis_engine
  engine_version             = var.redis_version
  node_type                  = var.redis_node_type
  num_cache_clusters         = var.redis_nodes
  port                       = 6379
  parameter_group_name       = aws_elasticache_parameter_group.this.name
  subnet_group_name          = aws_elasticache_subnet_group.this.name
  security_group_ids         = [aws_security_group.this["redis"].id]
  automatic_failover_enabled = var.redis_nodes > 1
  multi_az_enabled           = var.redis_nodes > 1
  at_rest_encryption_enabled = true
  kms_key_id                 = aws_kms_key.this.arn
  transit_encryption_enabled = true
  auth_token                 = var.redis_auth_token
  auth_token_update_strategy = "ROTATE"
  auto_minor_version_upgrade = true
  snapshot_retention_limit   = var.redis_snapshot_days
  snapshot_window            = "02:00-03:00"
  maintenance_window         = "sun:03:30-sun:04:30"
  tags                       = var.tags
}
