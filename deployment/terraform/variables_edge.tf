# Edge and DNS

variable "domain" {
  description = "Name that callers use, such as llm.example.com."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9-]+[.])+[a-z]{2,}$", var.domain))
    error_message = "domain must be a name such as llm.example.com, without a dot at the end."
  }
}

variable "zone_id" {
  description = "Public Route 53 zone that the domain is in. It must exist."
  type        = string

  validation {
    condition     = can(regex("^Z[A-Z0-9]+$", var.zone_id))
    error_message = "zone_id must be the id of a Route 53 zone, such as Z0123456789ABCDEFGHIJ."
  }
}

variable "internal" {
  description = "A load balancer with private addresses only."
  type        = bool
  default     = false
}

variable "caller_cidrs" {
  description = "Who may connect."
  type        = set(string)
  default     = ["0.0.0.0/0"]

  validation {
    condition     = alltrue([for cidr in var.caller_cidrs : can(cidrhost(cidr, 0))])
    error_message = "caller_cidrs must be IPv4 networks."
  }
}

variable "target_type" {
  description = "instance: every node, at node_port of a NodePort service; ip: pods, registered by the AWS Load Balancer Controller."
  type        = string
  default     = "instance"

  validation {
    condition     = contains(["instance", "ip"], var.target_type)
    error_message = "target_type must be instance or ip."
  }
}

variable "node_port" {
  description = "Port of the NodePort service."
  type        = number
  default     = 30080

  validation {
    condition     = var.node_port >= 30000 && var.node_port <= 32767
    error_message = "node_port must be 30000 to 32767."
  }
}

variable "pod_port" {
  description = "server.port of the gateway."
  type        = number
  default     = 8080

  validation {
    condition     = var.pod_port >= 1 && var.pod_port <= 65535
    error_message = "pod_port must be 1 to 65535."
  }
}

variable "idle_timeout_seconds" {
  description = "Silence after which the load balancer closes a connection. Above the longest that a provider thinks before its first byte."
  type        = number
  default     = 330

  validation {
    condition     = var.idle_timeout_seconds >= 60 && var.idle_timeout_seconds <= 4000
    error_message = "idle_timeout_seconds must be 60 to 4000."
  }
}

variable "deregistration_seconds" {
  description = "How long a target that goes may finish: server.drain (120s in deployment/k8s) and a little more."
  type        = number
  default     = 150

  validation {
    condition     = var.deregistration_seconds >= 0 && var.deregistration_seconds <= 3600
    error_message = "deregistration_seconds must be 0 to 3600."
  }
}

variable "access_log_days" {
  description = "Days that the load balancer's log is kept."
  type        = number
  default     = 90

  validation {
    condition     = var.access_log_days >= 1
    error_message = "access_log_days must be at least 1."
  }
}

variable "dns_policy" {
  description = "How the domain is shared with other regions: simple (it is not), latency, geolocation, primary, secondary."
  type        = string
  default     = "simple"

  validation {
    condition     = contains(["simple", "latency", "geolocation", "primary", "secondary"], var.dns_policy)
    error_message = "dns_policy must be simple, latency, geolocation, primary or secondary."
  }
}

variable "dns_location" {
  description = "With geolocation: the continent that is answered from here, or * for all others."
  type        = string
  default     = "*"

  validation {
    condition     = contains(["*", "AF", "AN", "AS", "EU", "NA", "OC", "SA"], var.dns_location)
    error_message = "dns_location must be * or AF, AN, AS, EU, NA, OC, SA."
  }
}

variable "failover" {
  description = "What takes this region out of DNS by itself: manual (nothing), endpoint (three failed checks), full (errors and latency as well)."
  type        = string
  default     = "endpoint"

  validation {
    condition     = contains(["manual", "endpoint", "full"], var.failover)
    error_message = "failover must be manual, endpoint or full."
  }
}

variable "out_of_service" {
  description = "Take this region out of DNS now. Only where there is another one."
  type        = bool
  default     = false
}

variable "error_percent" {
  description = "Share of 5xx, per cent for two minutes, that raises an alarm. It tells people; DNS takes no shares."
  type        = number
  default     = 10

  validation {
    condition     = var.error_percent > 0 && var.error_percent <= 100
    error_message = "error_percent must be above 0 and at most 100."
  }
}

variable "failover_errors_per_minute" {
  description = "Answers of 5xx a minute, for two minutes, that take the region out of DNS with failover full: a tenth of your requests."
  type        = number
  default     = 100

  validation {
    condition     = var.failover_errors_per_minute >= 1
    error_message = "failover_errors_per_minute must be at least 1."
  }
}

variable "latency_seconds" {
  description = "Mean seconds to an answer's head, for five minutes, that raise an alarm. 2 is much too low for whole answers of large models."
  type        = number
  default     = 2

  validation {
    condition     = var.latency_seconds > 0
    error_message = "latency_seconds must be above 0."
  }
}

variable "alarm_least_requests" {
  description = "Requests a minute below which a share of errors means nothing."
  type        = number
  default     = 20

  validation {
    condition     = var.alarm_least_requests >= 1
    error_message = "alarm_least_requests must be at least 1."
  }
}

variable "waf_requests_per_5_minutes" {
  description = "Most requests of one address in five minutes; 0: no WAF."
  type        = number
  default     = 0

  validation {
    condition     = var.waf_requests_per_5_minutes == 0 || var.waf_requests_per_5_minutes >= 100
    error_message = "waf_requests_per_5_minutes must be 0, or at least 100."
  }
}
