output "url" {
  description = "What callers use."
  value       = "https://${var.domain}"
}

output "region_url" {
  description = "This region alone, for smoke tests and for its health check."
  value       = "https://${aws_route53_record.region.name}"
}

output "load_balancer_arn_suffix" {
  description = "The load balancer as CloudWatch names it."
  value       = aws_lb.this.arn_suffix
}

output "target_group_arn" {
  description = "Target group, for a TargetGroupBinding."
  value       = aws_lb_target_group.this.arn
}

output "target_group_arn_suffix" {
  description = "Target group as CloudWatch names it."
  value       = aws_lb_target_group.this.arn_suffix
}

output "security_group_id" {
  description = "Group of the load balancer, for a TargetGroupBinding's network rules."
  value       = aws_security_group.lb.id
}

output "health_check_id" {
  description = "Route 53 health check that says whether the region is in service."
  value       = aws_route53_health_check.region.id
}
