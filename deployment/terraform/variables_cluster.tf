# Cluster

variable "kubernetes_version" {
  description = "Version of EKS. 1.28, which the first plan named, has been out of support since November 2025."
  type        = string
  default     = "1.35"

  validation {
    condition     = can(regex("^1[.][0-9]{2}$", var.kubernetes_version)) && tonumber(split(".", var.kubernetes_version)[1]) >= 33
    error_message = "kubernetes_version must be 1.33 or newer: older ones are out of EKS's standard support."
  }
}

variable "api_access_cidrs" {
  description = "Who reaches the Kubernetes API from outside, besides needing credentials; empty: only the VPC does."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.api_access_cidrs : can(cidrhost(cidr, 0)) && cidr != "0.0.0.0/0"])
    error_message = "api_access_cidrs must be networks, and not the whole internet."
  }
}

variable "admin_role_arns" {
  description = "Name -> IAM role that administers the cluster. At least one: whoever creates the cluster gets no rights by that."
  type        = map(string)

  validation {
    condition     = length(var.admin_role_arns) > 0 && alltrue([for arn in values(var.admin_role_arns) : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/", arn))])
    error_message = "admin_role_arns needs at least one IAM role's ARN."
  }
}

variable "node_instance_types" {
  description = "Instance types of the nodes, the preferred one first."
  type        = list(string)
  default     = ["t3.xlarge"]

  validation {
    condition     = length(var.node_instance_types) > 0
    error_message = "node_instance_types must name at least one type."
  }
}

variable "node_disk_gb" {
  description = "Size of a node's gp3 disk in GB."
  type        = number
  default     = 100

  validation {
    condition     = var.node_disk_gb >= 20
    error_message = "node_disk_gb must be at least 20."
  }
}

variable "node_min" {
  description = "Fewest nodes."
  type        = number
  default     = 3

  validation {
    condition     = var.node_min >= 1
    error_message = "node_min must be at least 1."
  }
}

variable "node_desired" {
  description = "Nodes at the start; afterwards the autoscaler decides."
  type        = number
  default     = 4

  validation {
    condition     = var.node_desired >= 1
    error_message = "node_desired must be at least 1."
  }
}

variable "node_max" {
  description = "Most nodes."
  type        = number
  default     = 20

  validation {
    condition     = var.node_max >= 1
    error_message = "node_max must be at least 1."
  }
}

variable "workload_identity" {
  description = "How pods get their AWS role: pod-identity, or irsa (then annotate the service account with the output gateway_role_arn)."
  type        = string
  default     = "pod-identity"

  validation {
    condition     = contains(["pod-identity", "irsa"], var.workload_identity)
    error_message = "workload_identity must be pod-identity or irsa."
  }
}

variable "namespace" {
  description = "Namespace of the gateway in Kubernetes."
  type        = string
  default     = "llm-gateway"
}

variable "service_account" {
  description = "Service account of the gateway's pods."
  type        = string
  default     = "llm-gateway-sa"
}

variable "backup_service_account" {
  description = "Service account of the job that runs deployment/scripts/backup.sh."
  type        = string
  default     = "llm-gateway-backup"
}

variable "bedrock_model_arns" {
  description = "Foundation models and inference profiles of Bedrock that the gateway may invoke; empty: none."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.bedrock_model_arns : can(regex("^arn:aws[a-z-]*:bedrock:", arn))])
    error_message = "bedrock_model_arns must be ARNs of Bedrock."
  }
}

variable "secret_name" {
  description = "Name of the one secret in Secrets Manager, a JSON object whose fields become files: the key of deployment/k8s's ExternalSecret."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9/_+=.@-]{1,500}$", var.secret_name))
    error_message = "secret_name must be letters, digits and /_+=.@-, such as llm-gateway/production."
  }
}

variable "secret_readers" {
  description = "NAMESPACE/SERVICEACCOUNT that may read it, besides the gateway itself: the External Secrets Operator."
  type        = set(string)
  default     = ["external-secrets/external-secrets"]

  validation {
    condition     = alltrue([for reader in var.secret_readers : length(split("/", reader)) == 2])
    error_message = "secret_readers must be NAMESPACE/SERVICEACCOUNT."
  }
}

variable "secret_replica_regions" {
  description = "Regions that get a copy of every secret, for a second region that shares keys with this one."
  type        = set(string)
  default     = []
}
