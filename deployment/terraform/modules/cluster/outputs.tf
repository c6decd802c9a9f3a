output "name" {
  description = "Name of the cluster, for aws eks update-kubeconfig."
  value       = aws_eks_cluster.this.name
}

output "endpoint" {
  description = "Address of the Kubernetes API."
  value       = aws_eks_cluster.this.endpoint
}

output "security_group_id" {
  description = "Group of control plane and nodes, made by EKS."
  value       = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
}

output "autoscaling_group_name" {
  description = "Autoscaling group of the nodes."
  value       = aws_eks_node_group.this.resources[0].autoscaling_groups[0].name
}

output "gateway_role_arn" {
  description = "Role of the gateway's pods; with IRSA the annotation eks.amazonaws.com/role-arn of their service account."
  value       = aws_iam_role.gateway.arn
}

output "backup_role_arn" {
  description = "Role of the backup job's pods."
  value       = aws_iam_role.backup.arn
}
