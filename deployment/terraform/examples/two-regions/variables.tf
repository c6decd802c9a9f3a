variable "domain" {
  description = "Name that callers use, in both regions."
  type        = string
}

variable "zone_id" {
  description = "Public Route 53 zone that the domain is in."
  type        = string
}

variable "operators_role_arn" {
  description = "IAM role that administers both clusters."
  type        = string
}

variable "redis_auth_tokens" {
  description = "Region -> Redis's password there."
  type        = map(string)
  sensitive   = true
}

variable "failover" {
  description = "What takes a region out of DNS by itself: manual, endpoint or full."
  type        = string
  default     = "endpoint"
}

variable "out_of_service" {
  description = "Regions to take out of DNS now."
  type        = set(string)
  default     = []

  validation {
    condition     = length(var.out_of_service) < 2
    error_message = "out_of_service must leave one region."
  }
}

variable "copy_europe_to_america" {
  description = "Whether backups of Europe's database may lie in America. Ask whoever is responsible for data protection."
  type        = bool
  default     = false
}

variable "alarm_emails" {
  description = "Who hears of alarms."
  type        = set(string)
  default     = []
}
