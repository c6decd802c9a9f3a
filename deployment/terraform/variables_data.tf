# Redis and PostgreSQL

variable "redis_engine" {
  description = "redis or valkey."
  type        = string
  default     = "redis"

  validation {
    condition     = contains(["redis", "valkey"], var.redis_engine)
    error_message = "redis_engine must be redis or valkey."
  }
}

variable "redis_version" {
  description = "Version of the engine."
  type        = string
  default     = "7.1"
}

variable "redis_family" {
  description = "Parameter family of that version: redis7, valkey7, valkey8."
  type        = string
  default     = "redis7"
}

variable "redis_node_type" {
  description = "Node type of Redis."
  type        = string
  default     = "cache.t3.medium"

  validation {
    condition     = startswith(var.redis_node_type, "cache.")
    error_message = "redis_node_type must begin with cache."
  }
}

variable "redis_nodes" {
  description = "Primary and replicas together. With one there is no failover."
  type        = number
  default     = 3

  validation {
    condition     = var.redis_nodes >= 1 && var.redis_nodes <= 6
    error_message = "redis_nodes must be 1 to 6."
  }
}

variable "redis_auth_token" {
  description = "Redis's password: TF_VAR_redis_auth_token=$(openssl rand -hex 32). Terraform's state holds it."
  type        = string
  sensitive   = true

  validation {
    condition     = can(regex("^[A-Za-z0-9]{32,128}$", var.redis_auth_token))
    error_message = "redis_auth_token must be 32 to 128 letters and digits, so that it needs no escaping in a URL."
  }
}

variable "redis_snapshot_days" {
  description = "Days that daily snapshots of Redis are kept; 0: none."
  type        = number
  default     = 1

  validation {
    condition     = var.redis_snapshot_days >= 0 && var.redis_snapshot_days <= 35
    error_message = "redis_snapshot_days must be 0 to 35."
  }
}

variable "postgres_version" {
  description = "Version of PostgreSQL, 14 or newer."
  type        = string
  default     = "16"

  validation {
    condition     = tonumber(split(".", var.postgres_version)[0]) >= 14
    error_message = "postgres_version must be 14 or newer."
  }
}

variable "postgres_instance_class" {
  description = "Instance class of PostgreSQL."
  type        = string
  default     = "db.t4g.medium"

  validation {
    condition     = startswith(var.postgres_instance_class, "db.")
    error_message = "postgres_instance_class must begin with db."
  }
}

variable "postgres_storage_gb" {
  description = "Storage of PostgreSQL at the start, in GB."
  type        = number
  default     = 100

  validation {
    condition     = var.postgres_storage_gb >= 20
    error_message = "postgres_storage_gb must be at least 20."
  }
}

variable "postgres_storage_limit_gb" {
  description = "How far that grows by itself, in GB."
  type        = number
  default     = 1000

  validation {
    condition     = var.postgres_storage_limit_gb >= 26
    error_message = "postgres_storage_limit_gb must be at least 26: a tenth more than the least storage, and rounded."
  }
}

variable "postgres_multi_az" {
  description = "A standby in another zone that takes over by itself."
  type        = bool
  default     = true
}

variable "postgres_backup_days" {
  description = "Days back that the database can be restored to any moment of."
  type        = number
  default     = 14

  validation {
    condition     = var.postgres_backup_days >= 1 && var.postgres_backup_days <= 35
    error_message = "postgres_backup_days must be 1 to 35."
  }
}

variable "backup_days" {
  description = "Days that objects of the backups bucket are kept."
  type        = number
  default     = 90

  validation {
    condition     = var.backup_days >= 1
    error_message = "backup_days must be at least 1."
  }
}

variable "backup_lock_days" {
  description = "Days in which nobody deletes a backup (object lock); 0: no lock. Only where the bucket is made."
  type        = number
  default     = 0

  validation {
    condition     = var.backup_lock_days >= 0
    error_message = "backup_lock_days must not be negative."
  }
}
