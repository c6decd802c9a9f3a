# The name, and when this region leaves it (docs/REGIONS.md). Three checks in a row, errors and latency are the reasons; how many
# of them count is said by `failover`, and `out_of_service` is the switch by hand.

locals {
  alarms = {
    for reason, alarm in { failures = aws_cloudwatch_metric_alarm.failures, latency = aws_cloudwatch_metric_alarm.latency } :
    reason => alarm.alarm_name if var.failover == "full"
  }
  children = concat(
    [aws_route53_health_check.endpoint.id],
    [for name, check in aws_route53_health_check.alarm : check.id],
  )
}

# Asked from outside, by this region's own name; the shared one would be answered by another region.
resource "aws_route53_health_check" "endpoint" {
  fqdn              = "${var.region}.${var.domain}"
  type              = "HTTPS"
  port              = 443
  resource_path     = "/health"
  enable_sni        = true
  measure_latency   = true
  request_interval  = 30
  failure_threshold = 3
  tags              = merge(var.tags, { Name = "${var.name}-${var.region}" })
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "${var.name}-errors"
  alarm_description   = "More than ${var.error_percent} % of answers are 5xx, for two minutes."
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.error_percent
  evaluation_periods  = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
  tags                = var.tags

  metric_query {
    id          = "percent"
    expression  = "IF(asked >= ${var.alarm_least_requests}, 100 * (FILL(own, 0) + FILL(gateway, 0)) / asked, 0)"
    label       = "5xx, per cent"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { asked = "RequestCount", own = "HTTPCode_ELB_5XX_Count", gateway = "HTTPCode_Target_5XX_Count" }

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/ApplicationELB"
        metric_name = metric_query.value
        period      = 60
        stat        = "Sum"
        dimensions  = { LoadBalancer = aws_lb.this.arn_suffix }
      }
    }
  }
}

# Route 53 takes alarms of one metric and a plain statistic only, no shares and no percentiles: so a number of errors, and a mean.
resource "aws_cloudwatch_metric_alarm" "failures" {
  alarm_name          = "${var.name}-failures"
  alarm_description   = "The gateway answered 5xx more than ${var.failover_errors_per_minute} times a minute, for two minutes."
  namespace           = "AWS/ApplicationELB"
  metric_name         = "HTTPCode_Target_5XX_Count"
  statistic           = "Sum"
  period              = 60
  dimensions          = { LoadBalancer = aws_lb.this.arn_suffix }
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.failover_errors_per_minute
  evaluation_periods  = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
  tags                = var.tags
}

# Until the answer's head. Whole answers of a model take seconds when all is well: set the threshold by your own traffic.
resource "aws_cloudwatch_metric_alarm" "latency" {
  alarm_name          = "${var.name}-latency"
  alarm_description   = "The mean time to an answer's head is above ${var.latency_seconds} s, for five minutes."
  namespace           = "AWS/ApplicationELB"
  metric_name         = "TargetResponseTime"
  statistic           = "Average"
  period              = 60
  dimensions          = { LoadBalancer = aws_lb.this.arn_suffix }
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.latency_seconds
  evaluation_periods  = 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
  tags                = var.tags
}

resource "aws_route53_health_check" "alarm" {
  for_each                        = local.alarms
  type                            = "CLOUDWATCH_METRIC"
  cloudwatch_alarm_name           = each.value
  cloudwatch_alarm_region         = var.region
  insufficient_data_health_status = "LastKnownStatus"
  tags                            = merge(var.tags, { Name = "${var.name}-${var.region}-${each.key}" })
}

# A check that is disabled counts as healthy, and inverted as unhealthy: that is how a region is taken out by hand.
resource "aws_route53_health_check" "region" {
  type                   = "CALCULATED"
  child_healthchecks     = local.children
  child_health_threshold = length(local.children)
  disabled               = var.out_of_service || var.failover == "manual"
  invert_healthcheck     = var.out_of_service
  tags                   = merge(var.tags, { Name = "${var.name}-${var.region}-in-service" })
}

resource "aws_route53_record" "region" {
  zone_id = var.zone_id
  name    = "${var.region}.${var.domain}"
  type    = "A"

  alias {
    name                   = aws_lb.this.dns_name
    zone_id                = aws_lb.this.zone_id
    evaluate_target_health = false
  }
}

resource "aws_route53_record" "name" {
  zone_id         = var.zone_id
  name            = var.domain
  type            = "A"
  set_identifier  = var.dns_policy == "simple" ? null : var.region
  health_check_id = var.dns_policy == "simple" ? null : aws_route53_health_check.region.id

  alias {
    name                   = aws_lb.this.dns_name
    zone_id                = aws_lb.this.zone_id
    evaluate_target_health = var.dns_policy != "simple" && var.failover != "manual"
  }

  dynamic "latency_routing_policy" {
    for_each = var.dns_policy == "latency" ? [var.region] : []

    content {
      region = latency_routing_policy.value
    }
  }

  dynamic "failover_routing_policy" {
    for_each = contains(["primary", "secondary"], var.dns_policy) ? [upper(var.dns_policy)] : []

    content {
      type = failover_routing_policy.value
    }
  }

  dynamic "geolocation_routing_policy" {
    for_each = var.dns_policy == "geolocation" ? [var.dns_location] : []

    content {
      continent = geolocation_routing_policy.value == "*" ? null : geolocation_routing_policy.value
      country   = geolocation_routing_policy.value == "*" ? "*" : null
    }
  }
}
