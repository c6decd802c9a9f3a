output "arns" {
  description = "Name -> ARN of each secret."
  value       = { for key, secret in aws_secretsmanager_secret.this : key => secret.arn }
}

output "read_policy_json" {
  description = "IAM policy that may read these secrets, and nothing else."
  value       = data.aws_iam_policy_document.read.json
}
