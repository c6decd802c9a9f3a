variable "name" {
  description = "What the names of resources begin with."
  type        = string
}

variable "region" {
  description = "Region, for names that are unique in the world."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets without a way out, in two zones at least."
  type        = list(string)
}

variable "client_security_group_id" {
  description = "Group of the nodes: the only ones that may connect."
  type        = string
}

variable "deletion_protection" {
  description = "Whether the database cannot be deleted, and leaves a last snapshot when it once is."
  type        = bool
}

variable "redis_engine" {
  description = "redis or valkey."
  type        = string
}

variable "redis_version" {
  description = "Version of the engine."
  type        = string
}

variable "redis_family" {
  description = "Parameter family of that version: redis7, valkey8."
  type        = string
}

variable "redis_node_type" {
  description = "Node type of Redis."
  type        = string
}

variable "redis_nodes" {
  description = "Primary and replicas together. With one there is no failover."
  type        = number
}

variable "redis_auth_token" {
  description = "Redis's password. It is kept in Terraform's state; put rediss://:TOKEN@HOST:6379/0 into the secret redis-url."
  type        = string
  sensitive   = true
}

variable "redis_snapshot_days" {
  description = "Days that daily snapshots are kept; 0: none. Counters are short-lived and budgets are told from the ledger."
  type        = number
}

variable "postgres_version" {
  description = "Version of PostgreSQL: the major one, or with a minor one to hold it fast."
  type        = string
}

variable "postgres_instance_class" {
  description = "Instance class of PostgreSQL."
  type        = string
}

variable "postgres_storage_gb" {
  description = "Storage at the start, in GB."
  type        = number
}

variable "postgres_storage_limit_gb" {
  description = "How far storage grows by itself, in GB."
  type        = number
}

variable "postgres_multi_az" {
  description = "Whether a standby in another zone takes over by itself."
  type        = bool
}

variable "postgres_backup_days" {
  description = "Days back that the database can be restored to any moment of (35 at most)."
  type        = number
}

variable "backup_days" {
  description = "Days that objects of the backups bucket are kept."
  type        = number
}

variable "backup_lock_days" {
  description = "Days in which a backup cannot be deleted (object lock); 0: no lock. Can be switched on only where the bucket is made."
  type        = number
}

variable "logs_key_arn" {
  description = "KMS key of log groups."
  type        = string
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}
