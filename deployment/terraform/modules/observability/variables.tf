variable "name" {
  description = "What the names of resources begin with."
  type        = string
}

variable "region" {
  description = "Region of the log service that may use the key."
  type        = string
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
}

variable "alarm_emails" {
  description = "Who hears of alarms and of the budget."
  type        = set(string)
}

variable "monthly_budget_usd" {
  description = "Budget of AWS's bill in dollars a month; 0: none. It warns, it stops nothing. Providers' bills are not in it."
  type        = number
}

variable "load_balancer_arn_suffix" {
  description = "The load balancer as CloudWatch names it."
  type        = string
}

variable "target_group_arn_suffix" {
  description = "Its target group as CloudWatch names it."
  type        = string
}

variable "postgres_id" {
  description = "Identifier of the database."
  type        = string
}

variable "redis_id" {
  description = "Replication group of Redis."
  type        = string
}

variable "redis_nodes" {
  description = "Number of its nodes."
  type        = number
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}
