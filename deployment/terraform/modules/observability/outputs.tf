output "key_arn" {
  description = "KMS key of log groups."
  value       = aws_kms_key.this.arn
}

output "alarm_topic_arn" {
  description = "SNS topic of alarms."
  value       = aws_sns_topic.alarms.arn
}

output "log_group_name" {
  description = "Log group for the gateway's lines, if an agent ships them."
  value       = aws_cloudwatch_log_group.gateway.name
}
