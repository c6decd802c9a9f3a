# What callers meet: a certificate, a load balancer that sends http to https, and its way to the nodes.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  # Pods are targets themselves (ip), or every node is, at the port of a NodePort service (instance).
  target_port = var.target_type == "ip" ? var.pod_port : var.node_port
  restricted  = !var.internal && !contains(var.caller_cidrs, "0.0.0.0/0")
  proof       = one([for option in aws_acm_certificate.this.domain_validation_options : option if option.domain_name == var.domain])
}

resource "aws_acm_certificate" "this" {
  domain_name               = var.domain
  subject_alternative_names = ["*.${var.domain}"]
  validation_method         = "DNS"
  tags                      = var.tags

  lifecycle {
    create_before_destroy = true
  }
}

# The name and its wildcard are proven by one and the same record.
resource "aws_route53_record" "certificate" {
  zone_id         = var.zone_id
  name            = local.proof.resource_record_name
  type            = local.proof.resource_record_type
  records         = [local.proof.resource_record_value]
  ttl             = 300
  allow_overwrite = true # regions that share the name prove it with the same record
}

resource "aws_acm_certificate_validation" "this" {
  certificate_arn         = aws_acm_certificate.this.arn
  validation_record_fqdns = [aws_route53_record.certificate.fqdn]
}

resource "aws_security_group" "lb" {
  name        = "${var.name}-lb"
  description = "Load balancer of the gateway"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-lb" })
}

resource "aws_vpc_security_group_ingress_rule" "callers" {
  for_each          = { for pair in setproduct(["80", "443"], var.caller_cidrs) : "${pair[0]} ${pair[1]}" => pair }
  security_group_id = aws_security_group.lb.id
  description       = each.value[0] == "80" ? "http, which is only told to use https" : "https"
  cidr_ipv4         = each.value[1]
  from_port         = tonumber(each.value[0])
  to_port           = tonumber(each.value[0])
  ip_protocol       = "tcp"
  tags              = var.tags
}

# Where only some may connect, Route 53 must still be able to see whether the region answers.
data "aws_ec2_managed_prefix_list" "health_checks" {
  count = local.restricted ? 1 : 0
  name  = "com.amazonaws.${var.region}.route53-healthchecks"
}

resource "aws_vpc_security_group_ingress_rule" "health_checks" {
  count             = local.restricted ? 1 : 0
  security_group_id = aws_security_group.lb.id
  description       = "Health checks of Route 53"
  prefix_list_id    = data.aws_ec2_managed_prefix_list.health_checks[0].id
  from_port         = 443
  to_port           = 443
  ip_protocol       = "tcp"
  tags              = var.tags
}

resource "aws_vpc_security_group_egress_rule" "nodes" {
  security_group_id            = aws_security_group.lb.id
  description                  = "To the gateway"
  referenced_security_group_id = var.node_security_group_id
  from_port                    = local.target_port
  to_port                      = local.target_port
  ip_protocol                  = "tcp"
  tags                         = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "nodes" {
  security_group_id            = var.node_security_group_id
  description                  = "From the load balancer"
  referenced_security_group_id = aws_security_group.lb.id
  from_port                    = local.target_port
  to_port                      = local.target_port
  ip_protocol                  = "tcp"
  tags                         = var.tags
}

resource "aws_lb" "this" {
  name                       = var.name
  load_balancer_type         = "application"
  internal                   = var.internal
  subnets                    = var.subnet_ids
  security_groups            = [aws_security_group.lb.id]
  idle_timeout               = var.idle_timeout_seconds
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "strictest"
  enable_deletion_protection = var.deletion_protection
  tags                       = var.tags

  access_logs {
    bucket  = aws_s3_bucket.logs.id
    prefix  = "lb"
    enabled = true
  }

  # The bucket must let the load balancer write before that is switched on: AWS tries it.
  depends_on = [aws_s3_bucket_policy.logs]
}

resource "aws_lb_target_group" "this" {
  name_prefix                   = "llmgw-"
  vpc_id                        = var.vpc_id
  target_type                   = var.target_type
  port                          = local.target_port
  protocol                      = "HTTP"
  load_balancing_algorithm_type = "least_outstanding_requests"
  deregistration_delay          = var.deregistration_seconds
  tags                          = var.tags

  # /health is 503 only when no provider at all can be asked (requirements C7); one that fails takes no pod away.
  health_check {
    path                = "/health"
    protocol            = "HTTP"
    port                = "traffic-port"
    matcher             = "200"
    healthy_threshold   = 2
    unhealthy_threshold = 3
    timeout             = 5
    interval            = 30
  }

  lifecycle {
    create_before_destroy = true
  }
}

# With target_type ip nothing is attached here: the AWS Load Balancer Controller does, by a TargetGroupBinding.
resource "aws_autoscaling_attachment" "nodes" {
  #checkov:skip=CKV2_AWS_15:the group is EKS's, which judges nodes by itself; a gateway that is not well is no reason to replace a node

  count                  = var.target_type == "instance" ? 1 : 0
  autoscaling_group_name = var.autoscaling_group_name
  lb_target_group_arn    = aws_lb_target_group.this.arn
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.this.arn
  port              = 80
  protocol          = "HTTP"
  tags              = var.tags

  default_action {
    type = "redirect"

    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = aws_acm_certificate_validation.this.certificate_arn
  tags              = var.tags

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }
}
