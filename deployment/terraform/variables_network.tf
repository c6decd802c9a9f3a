# Network

variable "vpc_cidr" {
  description = "Addresses of the VPC. Regions that may be connected one day need different ones."
  type        = string
  default     = "10.0.0.0/16"

  validation {
    condition     = can(cidrhost(var.vpc_cidr, 0)) && endswith(var.vpc_cidr, "/16")
    error_message = "vpc_cidr must be an IPv4 network of 16 bits, such as 10.0.0.0/16."
  }
}

variable "zones" {
  description = "Number of availability zones."
  type        = number
  default     = 3

  validation {
    condition     = contains([2, 3], var.zones)
    error_message = "zones must be 2 or 3."
  }
}

variable "single_nat_gateway" {
  description = "One NAT gateway for all zones: saves money, and a failed zone takes the way to providers from the others."
  type        = bool
  default     = false
}

variable "endpoint_services" {
  description = "AWS services reached inside the VPC, as in com.amazonaws.REGION.NAME. Those that pods of the gateway ask (sts, secretsmanager, bedrock-runtime) need a NetworkPolicy as well: README.md."
  type        = set(string)
  default     = ["ecr.api", "ecr.dkr", "logs"]
}
