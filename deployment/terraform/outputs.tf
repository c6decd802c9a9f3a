output "url" {
  description = "What callers use."
  value       = module.edge.url
}

output "region_url" {
  description = "This region alone, for smoke tests."
  value       = module.edge.region_url
}

output "health_check_id" {
  description = "Route 53 health check that says whether the region is in service."
  value       = module.edge.health_check_id
}

output "target_group_arn" {
  description = "Target group, for a TargetGroupBinding (target_type ip)."
  value       = module.edge.target_group_arn
}

output "load_balancer_security_group_id" {
  description = "Group of the load balancer, for a TargetGroupBinding's network rules."
  value       = module.edge.security_group_id
}

output "vpc_id" {
  description = "Id of the VPC."
  value       = module.network.vpc_id
}

output "nat_addresses" {
  description = "Addresses that providers see requests come from, for their allow-lists."
  value       = module.network.nat_addresses
}

output "cluster_name" {
  description = "Name of the cluster: aws eks update-kubeconfig --name NAME."
  value       = module.cluster.name
}

output "cluster_endpoint" {
  description = "Address of the Kubernetes API."
  value       = module.cluster.endpoint
}

output "gateway_role_arn" {
  description = "Role of the gateway's pods."
  value       = module.cluster.gateway_role_arn
}

output "backup_role_arn" {
  description = "Role of the backup job's pods."
  value       = module.cluster.backup_role_arn
}

output "redis_host" {
  description = "Address of Redis's primary, for the secret redis-url."
  value       = module.data.redis_host
}

output "postgres_host" {
  description = "Address of PostgreSQL, for the secret database-url."
  value       = module.data.postgres_host
}

output "postgres_arn" {
  description = "ARN of the database, for the copy of its backups in another region."
  value       = module.data.postgres_arn
}

output "postgres_master_secret_arn" {
  description = "Secret with the password of the user postgres."
  value       = module.data.postgres_master_secret_arn
}

output "backups_bucket" {
  description = "Bucket for deployment/scripts/backup.sh."
  value       = module.data.backups_bucket
}

output "secret_arns" {
  description = "Name -> ARN of each secret; a configuration can also refer to one: $${aws-sm:NAME#FIELD}."
  value       = module.secrets.arns
}

output "log_group_name" {
  description = "Log group for the gateway's lines, if an agent ships them."
  value       = module.observability.log_group_name
}

output "alarm_topic_arn" {
  description = "SNS topic of alarms."
  value       = module.observability.alarm_topic_arn
}
