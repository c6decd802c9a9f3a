# Who and where

variable "name" {
  description = "What the names of all resources begin with. Short: some names may have 32 characters."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 20 small letters, digits and dashes, beginning with a letter."
  }
}

variable "environment" {
  description = "staging, production or another word for tags."
  type        = string

  validation {
    condition     = length(var.environment) > 0
    error_message = "environment must not be empty."
  }
}

variable "region" {
  description = "Region that all of this is for. The provider must be set to the same."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be an AWS region, such as eu-west-1."
  }
}

variable "tags" {
  description = "Tags of every resource, besides those that are always there."
  type        = map(string)
  default     = {}
}

variable "deletion_protection" {
  description = "Protect cluster, database, load balancer and secrets from being deleted. To take everything down: false, apply, destroy."
  type        = bool
  default     = true
}
