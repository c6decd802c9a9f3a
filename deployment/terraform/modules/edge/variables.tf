variable "name" {
  description = "What the names of resources begin with."
  type        = string
}

variable "region" {
  description = "Region, for names that are unique in the world and for DNS."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of the load balancer, in two zones at least: public ones, unless internal."
  type        = list(string)
}

variable "node_security_group_id" {
  description = "Group of the nodes; it gets a rule that lets the load balancer in."
  type        = string
}

variable "autoscaling_group_name" {
  description = "Autoscaling group of the nodes, which become targets with target_type instance."
  type        = string
}

variable "domain" {
  description = "Name that callers use. The certificate has it and its wildcard, which covers REGION.DOMAIN."
  type        = string
}

variable "zone_id" {
  description = "Public Route 53 zone of the domain."
  type        = string
}

variable "internal" {
  description = "Whether the load balancer has private addresses only."
  type        = bool
}

variable "caller_cidrs" {
  description = "Who may connect."
  type        = set(string)
}

variable "target_type" {
  description = "instance: every node, at node_port; ip: pods, registered by the AWS Load Balancer Controller."
  type        = string
}

variable "node_port" {
  description = "Port of the NodePort service, with target_type instance."
  type        = number
}

variable "pod_port" {
  description = "Port of the gateway's pods (server.port), with target_type ip."
  type        = number
}

variable "idle_timeout_seconds" {
  description = "Silence after which a connection is closed. Longer than providers need to the first byte."
  type        = number
}

variable "deregistration_seconds" {
  description = "How long a target that goes may finish its requests: server.drain and a little more."
  type        = number
}

variable "deletion_protection" {
  description = "Whether the load balancer cannot be deleted, nor its log with anything in it."
  type        = bool
}

variable "access_log_days" {
  description = "Days that the access log is kept."
  type        = number
}

variable "dns_policy" {
  description = "simple, latency, geolocation, primary or secondary: how the name is shared with other regions."
  type        = string
}

variable "dns_location" {
  description = "Continent (EU, NA, AS, ...) that is answered from here with dns_policy geolocation; * for all others."
  type        = string
}

variable "failover" {
  description = "What takes the region out of DNS by itself: manual (nothing), endpoint (three failed checks), full (errors and latency as well)."
  type        = string
}

variable "out_of_service" {
  description = "Take the region out of DNS now."
  type        = bool
}

variable "error_percent" {
  description = "Share of 5xx, per cent for two minutes, that raises an alarm. It tells people; DNS takes no shares."
  type        = number
}

variable "failover_errors_per_minute" {
  description = "Answers of 5xx a minute, for two minutes, that take the region out of DNS with failover full."
  type        = number
}

variable "latency_seconds" {
  description = "Mean seconds to an answer's head, for five minutes, that raise an alarm."
  type        = number
}

variable "alarm_least_requests" {
  description = "Requests a minute below which a share of errors means nothing."
  type        = number
}

variable "waf_requests_per_5_minutes" {
  description = "Most requests of one address in five minutes; 0: no WAF."
  type        = number
}

variable "alarm_topic_arn" {
  description = "SNS topic of alarms."
  type        = string
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
