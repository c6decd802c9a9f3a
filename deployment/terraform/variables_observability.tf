# Observability

variable "log_retention_days" {
  description = "Days that CloudWatch keeps logs."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be a number that CloudWatch knows, such as 30, 90 or 365."
  }
}

variable "alarm_emails" {
  description = "Who hears of alarms and of the budget. Each address has to confirm."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@ ]+@[^@ ]+$", address))])
    error_message = "alarm_emails must be mail addresses."
  }
}

variable "monthly_budget_usd" {
  description = "Budget of AWS's bill in dollars a month; 0: none. It warns, it stops nothing; providers' bills are not in it."
  type        = number
  default     = 0

  validation {
    condition     = var.monthly_budget_usd >= 0
    error_message = "monthly_budget_usd must not be negative."
  }
}
