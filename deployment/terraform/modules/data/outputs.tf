output "redis_host" {
  description = "Address of Redis's primary. It stays the same after a failover. (configuration_endpoint_address is for clusters only.)"
  value       = aws_elasticache_replication_group.this.primary_endpoint_address
}

output "redis_id" {
  description = "Replication group, for alarms."
  value       = aws_elasticache_replication_group.this.id
}

output "postgres_host" {
  description = "Address of PostgreSQL. It stays the same after a failover."
  value       = aws_db_instance.this.address
}

output "postgres_id" {
  description = "Identifier of the database, for alarms."
  value       = aws_db_instance.this.identifier
}

output "postgres_arn" {
  description = "ARN of the database, for the copy of its backups in another region."
  value       = aws_db_instance.this.arn
}

output "postgres_master_secret_arn" {
  description = "Secret with the master's password, made and rotated by RDS. The gateway does not read it: give it a role of its own."
  value       = aws_db_instance.this.master_user_secret[0].secret_arn
}

output "backups_bucket" {
  description = "Name of the bucket of backups."
  value       = aws_s3_bucket.backups.id
}

output "backups_bucket_arn" {
  description = "ARN of the bucket of backups."
  value       = aws_s3_bucket.backups.arn
}

output "key_arn" {
  description = "KMS key of Redis, PostgreSQL and backups."
  value       = aws_kms_key.this.arn
}
