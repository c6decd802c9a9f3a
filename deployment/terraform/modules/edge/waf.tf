# Optional: an address that asks too often is refused before it reaches the gateway. Limits of keys and tenants are the gateway's.

resource "aws_wafv2_web_acl" "this" {
  count       = var.waf_requests_per_5_minutes > 0 ? 1 : 0
  name        = var.name
  description = "A limit of requests for each address"
  scope       = "REGIONAL"
  tags        = var.tags

  default_action {
    allow {}
  }

  rule {
    name     = "address-rate"
    priority = 10

    action {
      block {
        custom_response {
          response_code = 429
        }
      }
    }

    statement {
      rate_based_statement {
        limit                 = var.waf_requests_per_5_minutes
        evaluation_window_sec = 300
        aggregate_key_type    = "IP"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-address-rate"
      sampled_requests_enabled   = false # samples have headers, and headers have keys
    }
  }

  # Hits of known exploits (Log4j and such) in paths and headers. Bodies are prompts: rules that look into them refuse honest code.
  rule {
    name     = "known-bad-inputs"
    priority = 20

    override_action {
      none {}
    }

    statement {
      managed_rule_group_statement {
        vendor_name = "AWS"
        name        = "AWSManagedRulesKnownBadInputsRuleSet"

        rule_action_override {
          name = "Log4JRCE_BODY"

          action_to_use {
            count {}
          }
        }

        rule_action_override {
          name = "JavaDeserializationRCE_BODY"

          action_to_use {
            count {}
          }
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-known-bad-inputs"
      sampled_requests_enabled   = false
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = var.name
    sampled_requests_enabled   = false
  }
}

resource "aws_wafv2_web_acl_association" "this" {
  count        = var.waf_requests_per_5_minutes > 0 ? 1 : 0
  resource_arn = aws_lb.this.arn
  web_acl_arn  = aws_wafv2_web_acl.this[0].arn
}

# The name must begin with aws-waf-logs-. Keys are in these headers, and for Gemini's clients in the query: they are not logged.
resource "aws_cloudwatch_log_group" "waf" {
  count             = var.waf_requests_per_5_minutes > 0 ? 1 : 0
  name              = "aws-waf-logs-${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.logs_key_arn
  tags              = var.tags
}

resource "aws_wafv2_web_acl_logging_configuration" "this" {
  count                   = var.waf_requests_per_5_minutes > 0 ? 1 : 0
  resource_arn            = aws_wafv2_web_acl.this[0].arn
  log_destination_configs = [aws_cloudwatch_log_group.waf[0].arn]

  dynamic "redacted_fields" {
    for_each = ["authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie"]

    content {
      single_header {
        name = redacted_fields.value
      }
    }
  }

  redacted_fields {
    query_string {}
  }
}
