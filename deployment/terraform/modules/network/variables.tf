variable "name" {
  description = "What the names of resources begin with."
  type        = string
}

variable "cidr" {
  description = "Addresses of the VPC. Regions that may be connected one day need different ones."
  type        = string

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && endswith(var.cidr, "/16")
    error_message = "cidr must be an IPv4 network of 16 bits, such as 10.0.0.0/16."
  }
}

variable "zones" {
  description = "Number of availability zones. With one NAT gateway for each, unless single_nat_gateway."
  type        = number

  validation {
    condition     = var.zones >= 2 && var.zones <= 3
    error_message = "zones must be 2 or 3."
  }
}

variable "single_nat_gateway" {
  description = "One NAT gateway for all zones: cheaper, and a failed zone takes the way to providers from the others."
  type        = bool
}

variable "endpoint_services" {
  description = "AWS services reached inside the VPC, as in com.amazonaws.REGION.NAME. Each costs by the hour and zone."
  type        = set(string)
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
