variable "name" {
  description = "What the names of resources begin with; also the cluster's name."
  type        = string
}

variable "kubernetes_version" {
  description = "Version of control plane and nodes, as 1.35."
  type        = string
}

variable "deletion_protection" {
  description = "Whether the cluster cannot be deleted until this is false."
  type        = bool
}

variable "subnet_ids" {
  description = "Private subnets of control plane and nodes, in two zones at least."
  type        = list(string)
}

variable "api_access_cidrs" {
  description = "Who reaches the Kubernetes API from outside; empty: only the VPC does."
  type        = list(string)
}

variable "admin_role_arns" {
  description = "Name -> IAM role that administers the cluster. Whoever creates it gets no rights by that."
  type        = map(string)
}

variable "node_instance_types" {
  description = "Instance types, the preferred one first."
  type        = list(string)
}

variable "node_disk_gb" {
  description = "Size of a node's disk in GB."
  type        = number
}

variable "node_min" {
  description = "Fewest nodes."
  type        = number
}

variable "node_desired" {
  description = "Nodes at the start; afterwards this is the autoscaler's."
  type        = number
}

variable "node_max" {
  description = "Most nodes."
  type        = number
}

variable "workload_identity" {
  description = "How the gateway's pods get their role: pod-identity or irsa."
  type        = string
}

variable "namespace" {
  description = "Namespace of the gateway."
  type        = string
}

variable "service_account" {
  description = "Service account of the gateway's pods."
  type        = string
}

variable "backup_service_account" {
  description = "Service account of the backup job."
  type        = string
}

variable "secret_readers" {
  description = "NAMESPACE/SERVICEACCOUNT that may read the secrets, besides the gateway."
  type        = set(string)
}

variable "secrets_policy_json" {
  description = "IAM policy that lets the gateway read its own secrets."
  type        = string
}

variable "backups_bucket_arn" {
  description = "Bucket of backups."
  type        = string
}

variable "backups_key_arn" {
  description = "KMS key of that bucket."
  type        = string
}

variable "bedrock_model_arns" {
  description = "Foundation models and inference profiles the gateway may invoke; empty: none."
  type        = list(string)
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
