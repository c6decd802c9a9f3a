# Five things that AWS sees and the gateway does not.

locals {
  alarms = {
    hosts = {
      text       = "A target of the load balancer is not healthy."
      namespace  = "AWS/ApplicationELB", metric = "UnHealthyHostCount", statistic = "Maximum", minutes = 5
      operator   = "GreaterThanThreshold", threshold = 0
      dimensions = { LoadBalancer = var.load_balancer_arn_suffix, TargetGroup = var.target_group_arn_suffix }
    }
    postgres-cpu = {
      text       = "PostgreSQL's processors are above 80 %."
      namespace  = "AWS/RDS", metric = "CPUUtilization", statistic = "Average", minutes = 10
      operator   = "GreaterThanThreshold", threshold = 80
      dimensions = { DBInstanceIdentifier = var.postgres_id }
    }
    postgres-storage = {
      text       = "PostgreSQL has less than 5 GB left."
      namespace  = "AWS/RDS", metric = "FreeStorageSpace", statistic = "Minimum", minutes = 5
      operator   = "LessThanThreshold", threshold = 5 * 1024 * 1024 * 1024
      dimensions = { DBInstanceIdentifier = var.postgres_id }
    }
  }

  redis_alarms = {
    memory    = { text = "Redis's memory is above 80 %: at 100 % it refuses to count.", metric = "DatabaseMemoryUsagePercentage", threshold = 80 }
    evictions = { text = "Redis forgets counters: maxmemory-policy is not noeviction.", metric = "Evictions", threshold = 0 }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.text
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  statistic           = each.value.statistic
  period              = 60
  evaluation_periods  = each.value.minutes
  comparison_operator = each.value.operator
  threshold           = each.value.threshold
  dimensions          = each.value.dimensions
  treat_missing_data  = "missing"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
  tags                = var.tags
}

# For each of Redis's nodes, named as ElastiCache names them: GROUP-001 and so on.
resource "aws_cloudwatch_metric_alarm" "redis" {
  for_each = {
    for pair in setproduct(keys(local.redis_alarms), range(1, var.redis_nodes + 1)) :
    format("%s-%03d", pair[0], pair[1]) => { kind = local.redis_alarms[pair[0]], node = format("%s-%03d", var.redis_id, pair[1]) }
  }
  alarm_name          = "${var.name}-redis-${each.key}"
  alarm_description   = each.value.kind.text
  namespace           = "AWS/ElastiCache"
  metric_name         = each.value.kind.metric
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.kind.threshold
  dimensions          = { CacheClusterId = each.value.node }
  treat_missing_data  = "missing"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
  tags                = var.tags
}
